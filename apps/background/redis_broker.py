"""kombu's transport for Redis, which can be away at the very moment in which a worker is done with a message.

kombu then counts that message as in work for good. A worker takes so many messages at a time and no more, so it would
never again ask for one, nor notice that its connection is gone.
"""

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Lets go of a message whether Redis hears of it or not: then it comes back after the visibility timeout."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    """Named `redis://` and `rediss://` in portal/celery.py."""

    Channel = Channel
