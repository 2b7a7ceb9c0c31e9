"""Runs a command and prints, as JSON, what it took: wall and CPU seconds, peak memory in bytes, exit status."""

import json
import resource
import subprocess
import sys
import time

started = time.monotonic()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
seconds = time.monotonic() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": used.ru_utime + used.ru_stime,
            "peakMemory": used.ru_maxrss * 1024,  # kilobytes on Linux
            "status": status,
        }
    )
)
