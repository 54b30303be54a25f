"""`gridrates profile`: start a profile from an export, and check one before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from gridrates.profile_check import Finding
    from producers.csv_export.trial import Trial

profile = typer.Typer(no_args_is_help=True, help="Start a city's or street's profile, and check it.")


def register(app: typer.Typer) -> None:
    """Add `gridrates profile`."""
    app.add_typer(profile, name="profile")


@profile.command(
    epilog=common.examples(
        "gridrates profile new streets/baiyang --from export.csv",
        "gridrates profile new boston --from 311.csv.gz --time-zone America/New_York",
    )
)
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name becomes the profile's.")],
    export: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="An export: CSV, plain or gzip, or a workbook.")
    ],
    time_zone: Annotated[
        str, typer.Option(help="Where the clocks of the export hang; no file tells.")
    ] = "Asia/Shanghai",
    encoding: Annotated[str | None, typer.Option(help="Of the file. [dim]Default: found out[/]")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of the file. [dim]Default: found out[/]")] = None,
    as_json: common.Json = False,
) -> None:
    """Look at an export and propose a profile for it.

    Finds delimiter, encoding and time formats, guesses which column is what, and writes a commented
    mapping.yaml, a profile.yaml and registers of the codes it saw. All of it is for you to check.
    """
    from producers.csv_export.reading import GUESSED
    from producers.inspect import inspect_export
    from producers.propose import notes, write_profile

    inspection = inspect_export(export, encoding=encoding, delimiter=delimiter)
    written = write_profile(folder, inspection, time_zone)
    roles = {role: column.name for role, column in inspection.roles.items()}
    if as_json:
        common.print_json(
            {
                "files": written,
                "rows": inspection.rows,
                "encoding": inspection.layout.encoding,
                "delimiter": inspection.layout.delimiter,
                "roles": roles,
                "notes": notes(inspection),
            }
        )
        return
    out = common.stdout()
    found = inspection.layout.encoding
    read_as = f"{found} (a guess: --encoding names another)" if found in GUESSED and not encoding else found
    out.print(f"{inspection.rows:,} rows looked at, {read_as}, clocks of {time_zone}", markup=False)
    for role, name in roles.items():
        out.print(f"  {role}  {name}", markup=False)
    for note in notes(inspection):
        out.print(f"Note: {note}", markup=False)
    for path in written:
        common.say(f"Written: {path}")
    common.say(f"Check them, then: gridrates profile check {folder} --file {export}")


@profile.command(
    epilog=common.examples(
        "gridrates profile check boston-311",
        "gridrates profile check streets/baiyang --file export.csv",
    )
)
def check(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="A folder in profiles/, or a path. [dim]Default: the one in use[/]")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(help="An export to try: mapped and counted, nothing is sent.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Another mapping. [dim]Default: mapping.yaml of the profile[/]")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Check a profile's registers and, with --file, how an export would be mapped by it.

    Grid tree, units, categories, limits, calendar: circles, overlaps, gaps, unknown codes; and whether the
    rules in expectations.yaml can be read. Exit code 2
    when there is an error, or a row of the export is rejected.
    """
    from expectations.suites import load_catalogue
    from gridrates.profile import folder_of, load_profile
    from gridrates.profile_check import check_codes, check_profile
    from transforms.composites import chosen_composites
    from transforms.models import ROOM as TRANSFORMS

    folder = folder_of(name or common.settings(ctx).profile)
    findings = check_profile(folder)
    chosen_composites(load_profile(str(folder)))
    load_catalogue(declarations=TRANSFORMS, additions=folder / "expectations.yaml")
    trial = _try(folder, file or [], mapping)
    if trial is not None:
        findings += check_codes(load_profile(str(folder)), trial.codes)
    _tell(folder, findings, trial, as_json)
    if any(finding.severity == "error" for finding in findings) or (trial and trial.summary.rejected):
        raise typer.Exit(InputError.exit_code)


def _try(folder: Path, files: list[Path], mapping: Path | None) -> Trial | None:
    """Try the files; without any, only read the mapping, if there is one."""
    from gridrates.cli.produce_csv import progress
    from gridrates.profile import load_profile
    from producers.csv_export.mapper import Mapper
    from producers.csv_export.plan import make_plan
    from producers.csv_export.trial import try_exports
    from producers.mapping import load_mapping

    path = mapping or folder / "mapping.yaml"
    if not files and not path.exists():
        return None
    rules = load_mapping(path, time_zone=load_profile(str(folder)).time_zone)
    Mapper(make_plan(rules))
    if not files:
        return None
    with progress(files) as on_progress:
        return try_exports(files, rules, on_progress=on_progress)


def _tell(folder: Path, findings: list[Finding], trial: Trial | None, as_json: bool) -> None:
    from gridrates.cli.produce_csv import tell

    if as_json:
        found: dict[str, Any] = {"profile": folder.name, "findings": [vars(finding) for finding in findings]}
        common.print_json(found | ({"trial": trial.summary.as_json()} if trial else {}))
        return
    for finding in findings:
        common.stdout().print(str(finding), markup=False)
    counts = [sum(f.severity == severity for f in findings) for severity in ("error", "warning")]
    common.stdout().print(f"{folder.name}: {counts[0]} errors, {counts[1]} warnings")
    if trial is not None:
        tell(trial.summary)
