// nodemailer, pooled, one connection: the same mails and the same JSON line as client.py, given as JSON on standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const job = JSON.parse(readFileSync(0, "utf8"));
const nodemailer = createRequire(job.modules + "/")("nodemailer");

const messages = Array.from({ length: job.count }, (_, n) =>
  Buffer.from(job.before + String(job.first + n).padStart(16, "0") + job.behind),
);
const transport = nodemailer.createTransport({
  pool: true,
  maxConnections: 1,
  maxMessages: Infinity,
  host: "127.0.0.1",
  port: job.port,
  secure: false,
  ignoreTLS: true,
});
const envelope = { from: job.sender, to: [job.recipient] };
const send = (raw) => transport.sendMail({ envelope, raw });

// What is timed is the second half: the pool is connected then, and what runs is what its compiler made of it.
const half = Math.ceil(messages.length / 2);
await Promise.all(messages.slice(0, half).map(send));
const began = process.hrtime.bigint();
const used = process.cpuUsage();
await Promise.all(messages.slice(half).map(send));
const { user, system } = process.cpuUsage(used);
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
transport.close();
console.log(JSON.stringify({ mails: messages.length - half, seconds, processor_seconds: (user + system) / 1e6 }));
