"""Writes orders.csv: made-up customers of a made-up shop, the same file for the same seed.

Addresses are at names that are reserved for examples (RFC 2606, RFC 6761), so that none can belong to anybody.
Run it from this folder: python make_orders.py
"""

from __future__ import annotations

import csv
import json
import random
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

ROWS = 558  # made by chance; the special rows below come on top
COLUMNS = (
    "kind", "number", "name", "email", "locale", "billing_name", "street", "city", "country", "currency", "items",
    "date", "month",
)  # fmt: skip


@dataclass(frozen=True)
class Country:
    """People and places that fit together. Names are (as written, in Latin letters)."""

    name: str
    locale: str
    currency: str
    rate: int  # prices in this currency for one in euros
    domains: tuple[str, ...]
    people: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]


COUNTRIES = (
    Country("Sweden", "sv", "SEK", 11, ("example.com", "mail.example"),
        (("Zoë Ångström", "Zoë Ångström"), ("Björn Öhman", "Björn Öhman"), ("Åsa Lindqvist", "Åsa Lindqvist"),
         ("Göran Sjöberg", "Göran Sjöberg")), ("Storgatan", "Kungsgatan", "Björkvägen"),
        ("111 22 Stockholm", "411 03 Göteborg", "211 20 Malmö")),
    Country("Germany", "de", "EUR", 1, ("bücher.example", "example.net", "müller-söhne.example"),
        (("Jürgen Müller", "Jürgen Müller"), ("Käthe Groß", "Käthe Groß"), ("Jörg Schäfer", "Jörg Schäfer"),
         ("Anneliese Weiß", "Anneliese Weiß"), ("Dr. Ottilie Kühn", "Dr. Ottilie Kühn")),
        ("Hauptstraße", "Gänsemarkt", "Am Mühlbach"), ("20095 Hamburg", "80331 München", "50667 Köln")),
    Country("France", "fr", "EUR", 1, ("example.org", "château.example"),
        (("Hélène Lefèvre", "Hélène Lefèvre"), ("François D’Aubigné", "François D'Aubigné"),
         ("Chloé Besançon", "Chloé Besançon"), ("Noël Garçon", "Noël Garçon")),
        ("rue de l’Église", "avenue Émile Zola", "quai aux Fleurs"), ("75004 Paris", "69002 Lyon", "31000 Toulouse")),
    Country("Poland", "pl", "PLN", 4, ("example.com", "żółw.example"),
        (("Łukasz Wiśniewski", "Lukasz Wisniewski"), ("Zofia Dąbrowska", "Zofia Dabrowska"),
         ("Grażyna Żółć", "Grazyna Zolc"), ("Michał Świątek", "Michal Swiatek")),
        ("ul. Długa", "ul. Świętojańska", "pl. Wolności"), ("00-238 Warszawa", "81-391 Gdynia", "30-002 Kraków")),
    Country("Czechia", "cs", "CZK", 25, ("example.net", "příklad.example"),
        (("Jiří Dvořák", "Jirí Dvorák"), ("Božena Černá", "Bozena Cerná"), ("Ondřej Růžička", "Ondrej Ruzicka")),
        ("Dlouhá", "Žitná", "Na Příkopě"), ("110 00 Praha 1", "602 00 Brno")),
    Country("Greece", "el", "EUR", 1, ("παράδειγμα.example", "example.org"),
        (("Γιώργος Παπαδόπουλος", "Giorgos Papadopoulos"), ("Ελένη Κωνσταντίνου", "Eleni Konstantinou"),
         ("Νίκος Αντωνίου", "Nikos Antoniou")), ("Ερμού", "Λεωφόρος Νίκης", "Πατησίων"),
        ("105 63 Αθήνα", "546 24 Θεσσαλονίκη")),
    Country("Bulgaria", "bg", "EUR", 1, ("пример.example", "example.com"),
        (("Мария Иванова", "Maria Ivanova"), ("Георги Димитров", "Georgi Dimitrov"), ("Цветана Жекова", "Tsvetana Zhekova")),
        ("бул. Витоша", "ул. Шипка"), ("1000 София", "4000 Пловдив")),
    Country("Ukraine", "uk", "UAH", 45, ("приклад.example", "example.net"),
        (("Олена Шевченко", "Olena Shevchenko"), ("Андрій Їжакевич", "Andrii Yizhakevych"),
         ("Ґанна Щербак", "Ganna Shcherbak")), ("вул. Хрещатик", "вул. Городоцька"), ("01001 Київ", "79000 Львів")),
    Country("Türkiye", "tr", "TRY", 48, ("example.com", "örnek.example"),
        (("Ayşe Yıldız", "Ayse Yildiz"), ("Çağlar Öztürk", "Çaglar Öztürk"), ("İbrahim Güneş", "Ibrahim Günes")),
        ("İstiklal Caddesi", "Atatürk Bulvarı"), ("34433 İstanbul", "06420 Ankara")),
    Country("Israel", "he", "ILS", 4, ("example.org",),
        (("נועה כהן", "Noa Cohen"), ("יוסף לוי", "Yosef Levi"), ("תמר אברהם", "Tamar Avraham")),
        ("רחוב הרצל", "שדרות רוטשילד"), ("תל אביב 6688101", "ירושלים 9422801")),
    Country("Egypt", "ar", "EGP", 55, ("مثال.example", "example.com"),
        (("فاطمة الزهراء", "Fatima Alzahraa"), ("محمد عبد الله", "Mohamed Abdallah"), ("ليلى حسن", "Layla Hassan")),
        ("شارع طلعت حرب", "شارع النيل"), ("القاهرة 11511", "الإسكندرية 21500")),
    Country("India", "hi", "INR", 95, ("उदाहरण.example", "example.net"),
        (("प्रिया शर्मा", "Priya Sharma"), ("अर्जुन वर्मा", "Arjun Verma"), ("लक्ष्मी अय्यर", "Lakshmi Iyer")),
        ("महात्मा गांधी मार्ग", "नेहरू रोड"), ("नई दिल्ली 110001", "पुणे 411001")),
    Country("Thailand", "th", "THB", 38, ("example.com",),
        (("สมชาย ใจดี", "Somchai Jaidee"), ("กนกวรรณ ศรีสุข", "Kanokwan Srisuk")), ("ถนนสุขุมวิท", "ถนนพระราม 4"),
        ("กรุงเทพฯ 10110", "เชียงใหม่ 50200")),
    Country("China", "zh", "CNY", 8, ("例子.example", "example.org"),
        (("王小明", "Wang Xiaoming"), ("李娜", "Li Na"), ("欧阳慧", "Ouyang Hui")), ("南京东路", "长安街"),
        ("上海 200001", "北京 100006")),
    Country("Japan", "ja", "JPY", 170, ("例え.テスト", "example.com"),
        (("山田 太郎", "Yamada Taro"), ("佐藤 花子", "Sato Hanako"), ("鈴木 一郎", "Suzuki Ichiro"), ("髙橋 さくら", "Takahashi Sakura")),
        ("丸の内", "銀座", "河原町通"), ("100-0005 東京都千代田区", "600-8001 京都市下京区")),
    Country("Korea", "ko", "KRW", 1600, ("예시.example", "example.net"),
        (("김민준", "Kim Minjun"), ("이서연", "Lee Seoyeon"), ("박지훈", "Park Jihoon")), ("세종대로", "해운대로"),
        ("서울 04524", "부산 48094")),
    Country("Vietnam", "vi", "VND", 28000, ("example.org", "vídụ.example"),
        (("Nguyễn Thị Hương", "Nguyen Thi Huong"), ("Trần Đức Anh", "Tran Duc Anh"), ("Phạm Quốc Việt", "Pham Quoc Viet")),
        ("phố Hàng Bông", "đường Lê Lợi"), ("Hà Nội 100000", "Huế 530000")),
    Country("Brazil", "pt-BR", "BRL", 6, ("exemplo.example", "example.com"),
        (("Ana Souza Conceição", "Ana Souza Conceição"), ("João Guimarães", "João Guimarães"), ("Inês Peçanha", "Inês Peçanha")),
        ("Rua da Consolação", "Avenida São João"), ("01301-000 São Paulo", "20040-002 Rio de Janeiro")),
    Country("Ireland", "en", "EUR", 1, ("example.com", "example.net"),
        (("Siobhán O'Brien", "Siobhán O'Brien"), ("Seán Ó Súilleabháin", "Seán Ó Súilleabháin"),
         ('Aoife "Fi" Kelly', "Aoife Kelly"), ("Murphy, Conor", "Murphy, Conor")),
        ("Grafton Street", "Patrick Street"), ("Dublin 2", "Cork")),
    Country("Iceland", "is", "ISK", 145, ("example.org", "dæmi.example"),
        (("Þórdís Ægisdóttir", "Þórdís Ægisdóttir"), ("Guðmundur Ísaksson", "Guðmundur Ísaksson")),
        ("Laugavegur", "Skólavörðustígur"), ("101 Reykjavík", "600 Akureyri")),
)  # fmt: skip

GOODS = (
    ("Notebook, ruled, A5", 9), ("Notebook, dotted, B5", 12), ("Fountain pen “Meridian”", 49), ("Ink, 50 ml, blue-black", 11),
    ("Desk pad, felt & leather", 64), ("Washi tape <set of 6>", 14), ("Letter paper, 100 sheets", 18),
    ("Wax seal, initial", 27), ("Pencil 2B, dozen", 16), ("Calendar 2027", 21), ("Postcards, “Lighthouses”", 8),
)  # fmt: skip
SERVICES = (("Studio plan, monthly", 29), ("Extra seat", 7), ("Print-on-demand credits", 15), ("Archive, 100 GB", 5))


def ascii_word(text: str) -> str:
    """The letters of ``text`` that ASCII has."""
    bare = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("ß", "ss").replace("þ", "th").replace("ð", "d"))
    return "".join(char for char in bare.lower() if char.isascii() and char.isalnum())


def local_part(latin: str, number: int) -> str:
    """``zoe.angstrom7``."""
    words = [word for word in (ascii_word(part) for part in latin.split()) if word]
    return f"{'.'.join(words[:2])}{number}"


def items(rng: random.Random, country: Country, catalogue: tuple[tuple[str, int], ...]) -> str:
    """A JSON list of what was bought, prices of each line as text."""
    chosen = rng.sample(catalogue, rng.randint(1, 4))
    rows = []
    for name, price in chosen:
        quantity = rng.choice((1, 1, 1, 2, 3, 10))
        rows.append({"name": name, "quantity": quantity, "price": f"{price * quantity * country.rate:.2f}"})
    return json.dumps(rows, ensure_ascii=False)


def row(rng: random.Random, number: int) -> dict[str, str]:
    """One customer and what they ordered."""
    country = rng.choice(COUNTRIES)
    name, latin = rng.choice(country.people)
    kind = ("welcome", "order_confirmation", "invoice")[number % 3]
    day = date(2026, 10, 1) + timedelta(days=rng.randrange(31))
    return {
        "kind": kind,
        "number": f"{ {'welcome': 'W', 'order_confirmation': 'M', 'invoice': 'R'}[kind] }-{2000 + number}",
        "name": name,
        "email": f"{local_part(latin, number)}@{rng.choice(country.domains)}",
        "locale": country.locale,
        "billing_name": latin,
        "street": f"{rng.choice(country.streets)} {rng.randint(1, 120)}",
        "city": rng.choice(country.cities),
        "country": country.name,
        "currency": country.currency,
        "items": items(rng, country, SERVICES if kind == "invoice" else GOODS),
        "date": day.isoformat(),
        "month": f"{day:%B %Y}",
    }


def special(rng: random.Random, number: int, email: str) -> dict[str, str]:
    """A row whose address is what matters."""
    return {**row(rng, number), "email": email}


def rows() -> list[dict[str, str]]:
    """Every row, the special ones spread among the others."""
    rng = random.Random(42)  # noqa: S311 - the same file each time
    made = [row(rng, number) for number in range(ROWS)]
    addresses = [
        *(f"greylisted{index}@example.com" for index in range(1, 7)),
        "no-such-user@example.net",
        "jürgen.müller@bücher.example",
        "δοκιμή@παράδειγμα.example",
        "用户@例子.example",
        "walter@@example.com",
    ]
    for index, email in enumerate(addresses):
        made.insert(37 + index * 47, special(rng, ROWS + index, email))
    return made


def main() -> None:
    """Write the file beside this program."""
    path = Path(__file__).with_name("orders.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
    print(f"{len(rows())} rows written to {path.name}")


if __name__ == "__main__":
    main()
