# The worker process of a function in Python: loads it, calls it, and says what became of it. It is started
# in its sandbox; nothing here has to keep a function from anything. Frames and values are those of frame.rs
# and wire.rs: values are written by `marshal`, in a version of its format that never refers back.


def serve():
    import marshal
    import os
    import struct
    import sys
    from datetime import date, datetime, time
    from decimal import Decimal
    from uuid import UUID

    loads, dumps = marshal.loads, marshal.dumps
    pack = struct.Struct("<BI").pack
    unpack = struct.Struct("<BI").unpack

    # The record that is worked on is noted in the file that came as standard error.
    try:
        import mmap

        mark = memoryview(mmap.mmap(2, 4096)).cast("I")
    except Exception:
        mark = [0]
    # What a function prints goes nowhere, and it finds nothing to read.
    source = os.fdopen(os.dup(0), "rb", 1 << 18)
    target = os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    os.closerange(target + 1, 64)
    write, leave = os.write, os._exit

    def send(letter, content):
        rest = memoryview(pack(letter, len(content)) + content)
        while rest:
            rest = rest[write(target, rest):]

    def receive():
        head = source.read(5)
        if len(head) < 5:
            leave(0)
        return source.read(unpack(head)[1])

    def stop(index, message):
        send(88, struct.pack("<I", index) + message.encode())
        leave(0)

    def shown(size):
        return "%d MiB" % (size >> 20) if size >= 1 << 20 else "%d KiB" % (size >> 10)

    def described(error):
        try:
            name = str(type(error).__name__)
            text = str(error)
        except BaseException:
            name, text = "Exception", "it has no text"
        text = text[:1000].encode("utf-8", "replace").decode()
        return "Python: " + name + (": " + text if text else "")

    def refuse(message):
        send(69, message.encode("utf-8", "replace"))
        leave(0)

    def line_of(error):
        line = None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "function.py":
                line = trace.tb_lineno
            trace = trace.tb_next
        return "" if line is None else " (line %d)" % line

    text_from = str.__str__
    converters = {
        "decimal": Decimal,
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "uuid": UUID,
    }

    # What makes the values of a shape from their texts; None where nothing is to be made.
    def maker(shape):
        if shape is None:
            return None
        if shape[0] == "single":
            return converters[shape[1]]
        if shape[0] == "array":
            make_element = maker(shape[1])
            return lambda values: [None if value is None else make_element(value) for value in values]
        if shape[0] == "map":
            make_value = maker(shape[1])
            return lambda values: {
                name: None if value is None else make_value(value) for name, value in values.items()
            }
        members = [(name, maker(inner)) for name, inner in shape[1]]

        def make(values):
            for name, make_member in members:
                value = values.get(name)
                if value is not None:
                    values[name] = make_member(value)
            return values

        return make

    content, shape, record_bytes, batch_bytes, memory_bytes = loads(receive())
    make = maker(shape)
    too_much_memory = "it needs more memory than " + shown(memory_bytes)
    too_large = "it returns more than " + shown(record_bytes)

    class TooLarge(BaseException):
        pass

    plain = frozenset((str, int, float, bool, type(None)))
    names = frozenset((str,))

    # A value as `json.dumps` with `default=str` would take it, made of plain types only.
    def normal(value, around, left):
        kind = type(value)
        if kind in plain:
            return value
        left[0] -= 1
        if left[0] < 0:
            raise TooLarge
        if isinstance(value, str):
            return text_from(value)
        if isinstance(value, int):
            return int.__add__(value, 0)
        if isinstance(value, float):
            return float.__mul__(value, 1.0)
        if isinstance(value, (dict, list, tuple)):
            if id(value) in around:
                raise ValueError("Circular reference detected")
            if len(around) >= 128:
                raise ValueError("what transform returned nests deeper than 128 levels")
            around.append(id(value))
            if isinstance(value, dict):
                result = {}
                for name, inner in dict.items(value):
                    left[0] -= 1
                    if left[0] < 0:
                        raise TooLarge
                    if not isinstance(name, str):
                        if name is None or isinstance(name, bool):
                            name = {None: "null", True: "true", False: "false"}[name]
                        elif isinstance(name, int):
                            name = int.__repr__(name)
                        elif isinstance(name, float):
                            name = float.__repr__(name)
                        else:
                            raise TypeError(
                                "keys must be str, int, float, bool or None, not " + type(name).__name__
                            )
                    result[text_from(name)] = normal(inner, around, left)
            else:
                if len(value) > record_bytes:
                    raise TooLarge
                left[0] -= len(value)
                result = [normal(inner, around, left) for inner in value]
            around.pop()
            return result
        return (kind.__name__, text_from(str(value)))

    def result_of(value):
        if type(value) is not dict and not isinstance(value, dict):
            raise TypeError("transform returned %s, not a dict" % type(value).__name__)
        return normal(value, [], [record_bytes])

    scope = {"__name__": "function", "__builtins__": __builtins__}
    try:
        program = compile(content, "function.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        refuse("Python: %s: %s (line %s)" % (type(error).__name__, error.msg, error.lineno))
    except MemoryError:
        refuse(too_much_memory + " to be loaded")
    except BaseException as error:
        refuse(described(error))
    try:
        exec(program, scope)
    except MemoryError:
        refuse(too_much_memory + " to be loaded")
    except BaseException as error:
        refuse(described(error) + line_of(error))
    transform = scope.get("transform")
    if not callable(transform):
        refuse("Python: the source has no function `transform`: write `def transform(user: dict) -> dict:`")
    send(76, b"")

    index = 0
    while True:
        try:
            parts = []
            total = index = 0
            for index, user in enumerate(loads(receive())):
                mark[0] = index
                try:
                    if make is not None:
                        make(user)
                    result = transform(user)
                    if (
                        type(result) is dict
                        and plain.issuperset(map(type, result.values()))
                        and names.issuperset(map(type, result))
                    ):
                        part = dumps(result, 2)
                    else:
                        part = dumps(result_of(result), 2)
                    # Nothing of it stays until the next one.
                    user = result = None
                except MemoryError:
                    user = result = None
                    stop(index, too_much_memory)
                except TooLarge:
                    stop(index, too_large)
                except BaseException as error:
                    part = dumps(("", described(error)), 2)
                if len(part) > record_bytes:
                    stop(index, too_large)
                total += len(part)
                if total > batch_bytes:
                    stop(index, "it returns more than " + shown(batch_bytes))
                parts.append(part)
            send(82, b"".join(parts))
        except MemoryError:
            parts = None
            stop(index, too_much_memory)


serve()
