"""Reports: which there are, when they are due, what they are about. Pure: no clock, no store, no task queue."""

from notifier.reports.chart import bar_chart
from notifier.reports.files import csv_file, xlsx_file
from notifier.reports.periods import Period
from notifier.reports.result import ReportFile, ReportResult

__all__ = ["Period", "ReportFile", "ReportResult", "bar_chart", "csv_file", "xlsx_file"]
