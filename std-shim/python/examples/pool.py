"""A pool of processes like `concurrent.futures.ProcessPoolExecutor`, which survives the death of its workers.

A worker claims a job, sends the answer, and completes the claim. If it is killed, another worker gets the job.
A job that was sent its answer may then run twice; one that kills three workers gets no fourth.
"""

import itertools, multiprocessing, os, pickle, signal, threading, time
from concurrent.futures import Executor, Future

import ringway


def work(jobs, answers):
    while True:
        try:
            claim = jobs.claim()
        except ValueError:
            return  # the pool ended the queue
        with claim as job:
            number, call = job.value
            try:
                if job.attempts > 3:
                    raise RuntimeError("the job killed three workers")
                function, args, kwargs = pickle.loads(call)
                answers.put((number, pickle.dumps((True, function(*args, **kwargs)))))
            except Exception as error:
                answers.put((number, pickle.dumps((False, error))))


class Pool(Executor):
    def __init__(self, workers=2, *, size=4000, context=multiprocessing.get_context("spawn")):
        self._jobs, self._answers = ringway.Queue(size=size), ringway.Queue(size=size)
        self._context, self._futures, self._numbers = context, {}, itertools.count()
        self._is_over = threading.Event()
        self.workers = [self._start() for _ in range(workers)]
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _start(self):
        worker = self._context.Process(target=work, args=(self._jobs, self._answers), daemon=True)
        worker.start()
        return worker

    def _collect(self):
        while self._futures or not self._is_over.is_set():
            try:
                number, answer = self._answers.get(timeout=0.05)
            except ringway.Empty:
                self.workers = [it if it.is_alive() else self._start() for it in self.workers]
                continue
            future = self._futures.pop(number, None)  # None: a job that ran twice
            if future and future.set_running_or_notify_cancel():
                try:
                    is_result, value = pickle.loads(answer)
                except Exception as error:
                    is_result, value = False, error
                (future.set_result if is_result else future.set_exception)(value)
        self._jobs.end()

    def submit(self, function, /, *args, **kwargs):
        if self._is_over.is_set():
            raise RuntimeError("cannot submit a job after shutdown")
        number, future = next(self._numbers), Future()
        call = pickle.dumps((function, args, kwargs))
        self._futures[number] = future
        try:
            self._jobs.put((number, call))
        except BaseException:
            del self._futures[number]
            raise
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        if cancel_futures:
            [future.cancel() for future in list(self._futures.values())]
        self._is_over.set()
        if wait:
            self._thread.join()
            [worker.join() for worker in self.workers]


def square(number):
    time.sleep(0.02)
    return os.getpid(), number * number


if __name__ == "__main__":
    with Pool(3) as pool:
        first = pool.submit(square, 0).result()[0]
        answers = pool.map(square, range(100))
        os.kill(first, signal.SIGKILL)
        assert [answer for _, answer in answers] == [number * number for number in range(100)]
        print("100 squares, although a worker was killed")
