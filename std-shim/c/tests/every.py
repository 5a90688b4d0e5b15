#!/usr/bin/env python3
"""every.py HEADER: prints a C program that calls every function of the header with null, zero and out-of-range arguments.

Each argument is bad in turn, and the others are good: objects that were made anew, memory, sizes. Where the header promises
RW_INVALID the program demands it; everywhere it demands that it goes on. A parameter of a type, or an object of a kind, that
this generator does not know is an error: then a function of the header would not be called as it should.
"""

import re
import sys

header = re.sub(r"/\*.*?\*/", "", open(sys.argv[1]).read(), flags=re.S)
header = re.sub(r"^#.*$", "", header, flags=re.M)
objects = re.findall(r"typedef struct (?:\w+ )?\{[^}]*size_t opaque\[[^]]*\];\s*\} (\w+);", header)
prototypes = re.findall(r"^((?:const )?\w+ ?\*?) ?(rw_\w+)\(((?:[^()]|\([^()]*\))*)\);", header, flags=re.M)
named = set(re.findall(r"\b(rw_\w+)\(", header))
if not objects or named != {function for _, function, _ in prototypes}:
    sys.exit(f"every.py cannot read these functions: {named - {function for _, function, _ in prototypes}}")

# Structures that the caller fills or reads.
plain = {"rw_payload", "rw_raised", "rw_link_config", "rw_link_sizes", "rw_link_event", "rw_state", "rw_wait"}
# Objects that a function uses though they do not come first. All others behind the first one are made by it.
used = {("rw_condition_wait", "guard")}
# They say another thing first when there is nowhere to put what they make.
fails_before = {"rw_mem_fifos_try_open_writer", "rw_mem_end_try_accept", "rw_mem_end_clone", "rw_mem_network_listen"}
# What may be null.
optional = {("rw_signals_set_handler", "handler"), ("rw_handler_init", "context"), ("rw_set_wait", "wait"),
            ("rw_set_thread_id", "thread_id")}
sizes = {"mem_pipe": "rw_mem_pipe_64",
         "mem_fifos": "rw_mem_fifos_4_256", "mem_pair": "rw_mem_pair_64", "mem_network": "rw_mem_network_4_256"}
scalars = {
    "size_t": {"capacity": ["64", "0", "SIZE_MAX", "SIZE_MAX / 2"], "memory_size": ["sizeof area", "0", "1"], "item_align": ["4", "0", "3", "SIZE_MAX"],
               "size": ["4", "0", "SIZE_MAX"], "lines": ["8", "0", "65", "SIZE_MAX"],
               "depth": ["8", "0", "3", "SIZE_MAX", "SIZE_MAX / 2 + 1"], "name_size": ["1", "0", "SIZE_MAX"], "used": ["1", "0", "SIZE_MAX"],
               "count": ["1", "0", "SIZE_MAX"], "": ["4", "0", "SIZE_MAX", "SIZE_MAX / 2"]},
    "uint16_t": {"": ["1", "0", "65535"]},
    "uint32_t": {"permits": ["1", "0", "UINT32_MAX"], "": ["1", "0", "UINT32_MAX"]},
    "int32_t": {"": ["1", "0", "-1", "INT32_MIN"]},
    "uint64_t": {"deadline": ["0", "1"], "": ["0", "UINT64_MAX"]},
    "uint8_t": {"": ["0", "255"]},
    "bool": {"": ["true", "false"]},
}
outs = {"size_t *", "uint32_t *", "uint64_t *", "bool *", "void **", "const void **"}


def split(parameters):
    """The parameters: each its type and its name."""
    parts, depth, part = [], 0, ""
    for char in parameters:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    parts.append(part)
    found = []
    for part in (" ".join(part.split()) for part in parts):
        if part == "void":
            continue
        function = re.fullmatch(r"(.*)\(\*(\w+)\)(\(.*\))", part)
        if function:
            found.append(("function", function.group(2)))
            continue
        kind, name = re.fullmatch(r"(.*?)(\w+)", part).groups()
        found.append((kind.strip(), name))
    return found


def values(function, index, kind, name, names):
    """The good value of a parameter, and the bad ones: each with whether RW_INVALID is promised."""
    may_be_null = (function, name) in optional
    pointer = re.fullmatch(r"(?:const )?(\w+) \*", kind)
    if kind == "function":
        return {"thread_id": "number", "run": "handles"}[name], [("NULL", not may_be_null)]
    if pointer and pointer.group(1) in objects:
        what = pointer.group(1)
        made_here = index > 0 and (function, name) not in used and not kind.startswith("const")
        made_here = made_here or index == 0 and re.search(r"_(init|attach)$", function) is not None
        cast = f"({kind})(void *)"
        waits = "deadline" in names
        promised = not (made_here and (index > 0 and waits or function in fails_before))
        bad = [("NULL", promised and not may_be_null), (f"{cast}((char *)&made.{what}_ + 1)", promised)]
        if not made_here:
            bad += [(f"{cast}zeros", True), (f"{cast}&another", True)]
        return f"&made.{what}_", bad
    if pointer and pointer.group(1) == "rw_sizes":
        family = next(family for family in sizes if function.startswith(f"rw_{family}_"))
        other = "rw_mem_pipe_64" if family != "mem_pipe" else "rw_mem_pair_64"
        return f"&{sizes[family]}", [("NULL", True), (f"&{other}", True), ("(const rw_sizes *)zeros", True)]
    if pointer and pointer.group(1) in plain:
        what = pointer.group(1)
        is_out = not kind.startswith("const") and function != "rw_link_defaults"
        return f"&plain_{what}", [("NULL", not may_be_null and not is_out),
                                  (f"({kind})(void *)((char *)&plain_{what} + 1)", False)] if what != "rw_wait" else [
                                      ("NULL", False)]
    if kind in outs:
        return f"({kind})out", [("NULL", False), (f"({kind})(void *)((char *)out + 1)", False)]
    if kind in ("void *", "const void *"):
        if name == "memory":
            return "area", [("NULL", True), ("(char *)area + 1", True)]
        return ("context" if name == "context" else "buffer"), [("NULL", not may_be_null)]
    if kind in scalars:
        good, *bad = scalars[kind].get(name, scalars[kind][""])
        return good, [(value, False) for value in bad]
    sys.exit(f"every.py does not know the type of {name} in {function}: {kind}")


lines, calls = [], 0
for result, function, parameters in prototypes:
    parameters = split(parameters)
    names = [name for _, name in parameters]
    known = [values(function, index, kind, name, names) for index, (kind, name) in enumerate(parameters)]
    variants = [([good for good, _ in known], "any")]
    for index, (_, bad) in enumerate(known):
        for value, is_invalid in bad:
            arguments = [good for good, _ in known]
            arguments[index] = value
            waits = "invalid_or_cannot_wait" if "deadline" in names else "invalid"
            variants.append((arguments, waits if is_invalid else "any"))
    # All of them null and zero at once.
    pointers = [kind == "function" or kind.endswith("*") for kind, _ in parameters]
    none = ["NULL" if is_pointer else "0" for is_pointer in pointers]
    promised = any(is_invalid for _, bad in known for value, is_invalid in bad if value == "NULL")
    variants.append((none, "fails" if promised else "any"))
    calls += len(variants)
    for arguments, demand in variants:
        call = f"{function}({', '.join(arguments)})"
        lines.append("    make_all();")
        if result.strip() == "rw_error":
            lines.append(f"    {demand}(\"{call}\", {call});")
        else:
            lines.append(f"    {'' if result.strip() == 'void' else '(void)'}{call};")

print('/* Made by every.py of the header: every function, with every bad argument. */')
print('#include "every.h"\n')
print("static void call_all(void) {\n" + "\n".join(lines) + "\n}\n")
print("int main(void) {")
print("    call_all();")
print("    how = &waiting;")
print("    call_all();")
print(f'    printf("{len(prototypes)} functions, {2 * calls} calls\\n");')
print("    return 0;\n}")
