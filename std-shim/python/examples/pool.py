"""A pool like that of `concurrent.futures`. The job of a worker that is killed goes to another, so it may run twice."""
import itertools, multiprocessing, os, pickle, signal, threading, time
from concurrent.futures import Executor, Future
import ringway

def work(jobs, answers):
    while True:
        with jobs.claim() as job:
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
        self.workers = [self._start() for _ in range(workers)]
        self._is_over, self._thread = False, threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _start(self):
        worker = self._context.Process(target=work, args=(self._jobs, self._answers), daemon=True)
        worker.start()
        return worker

    def _collect(self):
        while self._futures or not self._is_over:
            try:
                number, answer = self._answers.get(timeout=0.05)
                is_result, value = pickle.loads(answer)
            except ringway.Empty:
                number, self.workers = None, [it if it.is_alive() else self._start() for it in self.workers]
            except Exception as error:
                is_result, value = False, error
            future = self._futures.pop(number, None)  # None: no answer came, or its job ran twice
            if future and future.set_running_or_notify_cancel():
                (future.set_result if is_result else future.set_exception)(value)
        [(worker.kill(), worker.join()) for worker in self.workers]  # none of them has a job

    def submit(self, function, /, *args, **kwargs):
        number, future, call = next(self._numbers), Future(), pickle.dumps((function, args, kwargs))
        self._futures[number] = future
        try:
            if self._is_over:
                raise RuntimeError("cannot submit a job after shutdown")
            self._jobs.put((number, call))
        except BaseException:
            del self._futures[number]
            raise
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        [future.cancel() for future in list(self._futures.values()) if cancel_futures]
        self._is_over = True
        self._thread.join(None if wait else 0)

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
