"""A report of the week's orders: figures, a chart, and a workbook with each order."""

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from notifier import report
from notifier.reports import Period, ReportResult, bar_chart, xlsx_file

ORDERS = Path(__file__).with_name("orders.csv")


@report(
    "weekly-orders",
    schedule="0 8 * * mon",
    timezone="Europe/Berlin",
    recipients=["boss@example.com", {"to": "ida@example.com", "locale": "de"}],
    template="weekly_report",
)
def weekly_orders(period: Period) -> ReportResult:
    monday, sunday = period.start.date(), period.end.date() - timedelta(days=1)
    orders = [row for row in csv.DictReader(ORDERS.open(encoding="utf-8")) if row["weekday"]]
    by_day = Counter(row["weekday"] for row in orders)
    days = [monday + timedelta(days=number) for number in range(7)]
    chart = bar_chart("orders.png", [f"{day:%a}" for day in days], {"orders": [by_day[f"{day:%A}"] for day in days]})
    book = xlsx_file("orders.xlsx", [list(row.values()) for row in orders], columns=list(orders[0]))
    context = {
        "from_date": date.isoformat(monday),
        "to_date": date.isoformat(sunday),
        "figures": [
            {"label": "Orders", "value": len(orders)},
            {"label": "Turnover", "value": f"{sum(float(row['total']) for row in orders):,.2f} EUR"},
        ],
        "chart": chart.url,
        "chart_alt": "Orders by weekday",
    }
    return ReportResult(context, [chart, book])
