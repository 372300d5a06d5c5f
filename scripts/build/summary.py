#!/usr/bin/env python3
"""Sums the test reports of all modules: summary.py MAVEN_EXIT_CODE [MAVEN_ARGUMENT ...].

The last line is "N passed, N failed, N skipped". A suite that stands in the sources and left no report counts as
skipped and is named, unless Maven was told to run only a part.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SUITE = re.compile(r"(.*(Test|Tests|TestCase|IT)|Test.*|IT.*)\.java")
PARTIAL = re.compile(r"-pl.*|--projects.*|-rf.*|--resume-from.*|-D(test|it\.test|skipITs|skipTests|groups)\b.*")


def reports():
    for kind in ("surefire-reports", "failsafe-reports"):
        yield from sorted(pathlib.Path(".").glob(f"*/target/{kind}/TEST-*.xml"))


def suites():
    """Names of the test classes in the sources; what has no test of its own is no suite."""
    for source in sorted(pathlib.Path(".").glob("*/src/test/java/**/*.java")):
        if SUITE.fullmatch(source.name):
            text = source.read_text(encoding="utf-8")
            is_abstract = re.search(rf"\b(abstract class|interface) {source.stem}\b", text)
            has_tests = re.search(r"@\w*(Test|TestFactory|TestTemplate|FuzzTest)\b", text)
            if (has_tests or "extends" in text) and not is_abstract:
                name = ".".join(source.with_suffix("").parts[4:])
                yield source.parts[0], name


def main(maven, arguments):
    passed = failed = skipped = 0
    seen = set()
    for report in reports():
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            seen.add(case.get("classname", "").split("$")[0])
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"failed: {case.get('classname')} {case.get('name')}")
            elif case.find("skipped") is not None:
                skipped += 1
                reason = (case.findtext("skipped") or "").strip().partition("\n")[0]
                print(f"skipped: {case.get('classname')} {case.get('name')} {reason}".rstrip())
            else:
                passed += 1
        seen.add(report.stem.removeprefix("TEST-").split("$")[0])
    if not any(PARTIAL.fullmatch(argument) for argument in arguments):
        for module, name in suites():
            if name not in seen:
                skipped += 1
                print(f"skipped: {name} in {module} did not run")
    if maven != 0:
        print(f"The build itself failed (exit code {maven}); see above.")
    if passed + failed == 0:
        print("No test ran.")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if maven != 0 or failed > 0 or passed + failed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
