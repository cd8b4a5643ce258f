// nodemailer's composer in a process that stays. The first line of standard input has the files, each further one a job, in JSON;
// each job is answered by the octets of its last mail and the processor time of all of them.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const MailComposer = createRequire(process.argv[2] + "/")("nodemailer/lib/mail-composer");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value ?? "null");

const files = await next();
for (const file of Object.values(files)) file.content = Buffer.from(file.content, "base64");

const octetsOf = ({ attached, ...mail }) =>
  new Promise((resolve, reject) => {
    const message = new MailComposer({ ...mail, attachments: attached.map((name) => files[name]) }).compile();
    message.build((error, octets) => (error ? reject(error) : resolve(octets)));
  });

for (let mails = await next(); mails !== null; mails = await next()) {
  let octets;
  globalThis.gc();
  const used = process.cpuUsage();
  for (const mail of mails) octets = await octetsOf(mail);
  const { user, system } = process.cpuUsage(used);
  console.log(JSON.stringify({ octets: octets.toString("base64"), seconds: (user + system) / 1e6 }));
}
