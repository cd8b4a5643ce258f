"""Workers that are hit, and replaced: a round does not wait for the one of before to come up again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from workers import Plant

from nemesis.patience import until
from notifier.testing.supervised import SupervisedProcess

ORPHANS_HAVE = 3.0  # seconds that the children of a killed main process may go on
LEAVES_WITHIN = 40.0  # seconds, when it was told to: a frozen child, and the relay's last reply, are waited for


@dataclass
class Crew:
    """So many workers of ``slots`` each."""

    plant: Plant
    app: str
    options: tuple[str, ...] = ()
    size: int = 2
    slots: int = 1
    faults: list[str] = field(default_factory=list)
    _at_work: list[SupervisedProcess] = field(default_factory=list)
    _leaving: dict[SupervisedProcess, float] = field(default_factory=dict)

    def ready(self) -> None:
        """Returns when one at least is up; the others are on their way."""
        self.mend()
        until(lambda: any(map(self._is_up, self._at_work)) or self._somebody_ended(), "a worker is up")
        self.mend()

    def _somebody_ended(self) -> bool:
        return any(not worker.running for worker in self._at_work)

    def hit(self, main: int) -> None:
        """This one's main process was told to end, or is dead."""
        for worker in [worker for worker in self._at_work if worker.pid == main]:
            self._at_work.remove(worker)
            self._leaving[worker] = time.monotonic()

    def mend(self) -> None:
        """Replace who has gone."""
        for worker in [worker for worker in self._at_work if not worker.running]:
            self.hit(worker.pid)
        for worker, since in list(self._leaving.items()):
            self._see_off(worker, time.monotonic() - since)
        while len(self._at_work) < self.size:
            self._at_work.append(self.plant.launch_worker(*self.options, slots=self.slots, app=self.app))

    def _see_off(self, worker: SupervisedProcess, seconds: float) -> None:
        if worker.running and seconds < LEAVES_WITHIN:
            return
        if worker.running:
            self.faults.append(f"a worker did not end within {LEAVES_WITHIN:.0f} s")
        elif seconds < ORPHANS_HAVE:
            return
        worker.kill()
        del self._leaving[worker]

    def see_all_off(self) -> None:
        """Wait for those that were told to end."""

        def gone() -> bool:
            self.mend()
            return not self._leaving

        until(gone, "the workers that were told to end have ended", look_every=0.1)

    def _is_up(self, worker: SupervisedProcess) -> bool:
        return worker.running and self.plant.registered(worker)
