from tests.soak.case import Cases


def cases() -> Cases:
    return Cases("python_calls")
