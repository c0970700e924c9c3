# Says which interpreter this is, and what it needs of the file system: its library and what it has loaded.
import os
import sys

for name in (
    "_bisect _bz2 _contextvars _csv _ctypes _datetime _decimal _hashlib _heapq _json _lzma _pickle _random "
    "_socket _statistics _struct _uuid _zoneinfo array binascii math mmap select unicodedata zlib"
).split():
    try:
        __import__(name)
    except Exception:
        pass
print("v%d.%d" % sys.version_info[:2])
print("i" + os.path.realpath(sys.executable))
for path in sys.path:
    if path:
        print("r" + os.path.realpath(path))
seen = set()
with open("/proc/self/maps") as maps:
    for line in maps:
        path = line.rstrip("\n").split(None, 5)[5:]
        if path and path[0].startswith("/"):
            seen.add(path[0])
for path in sorted(seen):
    name = os.path.basename(path)
    if name.startswith("ld-") or name.startswith("ld."):
        print("x" + path)
    elif ".so" in name:
        print("r" + os.path.dirname(path))
