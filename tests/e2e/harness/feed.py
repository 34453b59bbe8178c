"""Posts a story in the background, as far as the test lets it, until all of it is accepted."""
import threading

CHUNK = 25
ACCEPTED_S = 120  # brokers and programs are down for a while


class Feed:
    def __init__(self, sender, posts):
        self.sender = sender
        self.posts = posts
        self.sent = 0
        self._released = 0
        self._stop = False
        self._failure = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def release(self, count):
        """Lets that many more go. Returns how many there are left."""
        with self._changed:
            self._released = min(self._released + count, len(self.posts))
            self._changed.notify()
            return len(self.posts) - self._released

    def _take(self):
        with self._changed:
            self._changed.wait_for(lambda: self._stop or self._released > self.sent)
            return [] if self._stop else self.posts[self.sent:min(self._released, self.sent + CHUNK)]

    def _run(self):
        try:
            while self.sent < len(self.posts):
                posts = self._take()
                if not posts:
                    return
                self.sender.deliver_all(posts, ACCEPTED_S)
                self.sent += len(posts)
        except BaseException as e:  # said by check(), in the test's own thread
            self._failure = e

    @property
    def finished(self):
        self.check()
        return self.sent == len(self.posts)

    def check(self):
        if self._failure:
            raise self._failure

    def close(self):
        with self._changed:
            self._stop = True
            self._changed.notify()
        self._thread.join()
