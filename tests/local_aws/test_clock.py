"""Times in the answers of the local AWS."""

import time

from local_aws.protocol.clock import now


def test_a_time_is_in_whole_milliseconds_and_never_in_the_future():
    for _ in range(1000):
        told = now()
        assert told <= time.time()
        assert told == round(told, 3)
