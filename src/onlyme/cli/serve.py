"""Run `serve`: the page and the REST service, and the tokens for apps that use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import door_options, options, output
from onlyme.cli.complete import complete_new_name, complete_one_of
from onlyme.cli.extras import require_extra
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say

__all__ = ["register"]

Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]
Host = Annotated[
    str,
    typer.Option(help="The address to listen on. Any but 127.0.0.1 lets other machines connect."),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="HOST",
        help="Another host name of this service, such as a reverse proxy's. May be repeated.",
        show_default=False,
    ),
]
Doorbell = Annotated[
    bool,
    typer.Option(
        "--doorbell",
        help="Streams that identify people open nothing: no attempt is counted there, and "
        "strangers cannot lock them. An app must then open nothing for a name.",
    ),
]
Docs = Annotated[
    bool,
    typer.Option("--docs", help="Also show the REST API at /docs, with Swagger UI."),
]
CompreFace = Annotated[
    bool,
    typer.Option(
        "--compreface",
        help="Also answer the recognition API of CompreFace, so that its clients work "
        "unchanged. Their API key is a token.",
    ),
]
Embeddings = Annotated[
    bool,
    typer.Option(
        "--embeddings",
        help="Give embeddings of faces to tokens for `embeddings`. They are biometric data: "
        "with them the person can be found elsewhere.",
    ),
]
Reports = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder in which the page finds reports of `evaluate --html` and `lab compare`; "
        "by default the current one.",
        show_default=False,
    ),
]
TokenName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The name of the token.",
        show_default=False,
        autocompletion=complete_new_name,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    family = typer.Typer(
        cls=HelpfulGroup,
        invoke_without_command=True,
        help="Serve the page and the REST service, or manage tokens.",
    )
    family.callback()(serve)
    family.command()(link)
    family.command()(key)
    tokens = typer.Typer(
        cls=HelpfulGroup,
        no_args_is_help=True,
        help="Manage the tokens with which apps use the service.",
    )
    tokens.command(name="create")(token_create)
    tokens.command(name="list")(token_list)
    tokens.command(name="revoke")(token_revoke)
    family.add_typer(tokens, name="token")
    app.add_typer(family, name="serve")


def serve(
    context: typer.Context,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    name: Names = None,
    issuer: Annotated[str, typer.Option(help="The issuer named in assertions.")] = "onlyme",
    doorbell: Doorbell = False,
    docs: Docs = False,
    compreface: CompreFace = False,
    embeddings: Embeddings = False,
    reports: Reports = None,
    mqtt: door_options.Mqtt = None,
    mqtt_names: door_options.MqttNames = False,
    mqtt_ca: door_options.MqttCa = None,
    vault: options.Vault = None,
) -> None:
    """Serve the page and the REST service until Ctrl-C.

    onlyme serve

    onlyme serve token create door --scope verify --expires 30d
    """
    if context.invoked_subcommand:
        return
    require_extra("serve", "the service")
    if docs:
        require_extra("swagger", "the page about the API")
    from onlyme.errors import UsageError
    from onlyme.serve.options import LOOPBACK, Options
    from onlyme.serve.running import RunningService
    from onlyme.serve.server import run
    from onlyme.settings import Settings

    broker = door_options.parse_broker(mqtt, names=mqtt_names, ca=mqtt_ca)
    if broker is not None and not doorbell:
        raise UsageError("--mqtt tells what the streams of a doorbell see; add --doorbell")
    chosen = Options(
        host=host,
        port=port,
        names=tuple(name or ()),
        issuer=issuer,
        doorbell=doorbell,
        docs=docs,
        compreface=compreface,
        embeddings=embeddings,
        mqtt=broker,
        reports=reports,
    )
    if host not in {*LOOPBACK, "::1"}:
        say(
            f"listening on {host}: every machine that reaches this one can connect. Faces and "
            "tokens travel unencrypted: use a reverse proxy with TLS, and give its name to --name.",
            err=True,
        )

    def print_link(port: int) -> None:
        say(f"open {_make_link(vault, RunningService(host, port).url)}", err=True)
        say("(works once, within five minutes; Ctrl-C ends the service)", err=True)

    run(Settings.load(vault=vault), chosen, print_link)


def link(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Another port that leads to the service, such as a forwarded one. By default the "
            "port of the service that runs on this vault.",
            show_default=False,
        ),
    ] = None,
    vault: options.Vault = None,
) -> None:
    """Print a link that opens the page of the running service once, within five minutes."""
    from onlyme.errors import UsageError
    from onlyme.serve.running import find_services
    from onlyme.settings import Settings

    folder = options.require_vault(Settings.load(vault=vault)).vault
    services = find_services(folder)
    if not services:
        raise UsageError(
            f"no service runs on the vault {folder}, so a link would lead nowhere; start one with "
            "`onlyme serve`, which prints a link"
        )
    same = [service for service in services if port in (None, service.port)]
    url = same[0].url if same else f"http://127.0.0.1:{port}"
    if port is None and len(services) > 1:
        others = ", ".join(str(service.port) for service in services[1:])
        say(f"more services run on this vault, on port {others}; choose by --port", err=True)
    typer.echo(_make_link(vault, url))


def token_create(
    name: TokenName,
    *,
    scope: Annotated[
        str,
        typer.Option(
            help="What it allows: verify, scores, enroll, admin, metrics or embeddings.",
            autocompletion=complete_one_of(
                "verify", "scores", "enroll", "admin", "metrics", "embeddings"
            ),
        ),
    ],
    expires: Annotated[
        str,
        typer.Option(
            help="When it ends: in minutes, hours or days, such as 90d, or never.",
            autocompletion=complete_one_of("1h", "1d", "30d", "90d", "365d", "never"),
        ),
    ] = "90d",
    rate: Annotated[float, typer.Option(help="The most requests a second.")] = 20.0,
    vault: options.Vault = None,
) -> None:
    """Make a token for an app, and print it; it cannot be shown again.

    onlyme serve token create door --scope verify --expires 30d
    """
    from onlyme.errors import UsageError
    from onlyme.serve.access.tokens import Scope, Tokens, parse_lifetime

    if scope not in set(Scope):
        raise UsageError(f"there is no scope {scope!r}; scopes: {', '.join(Scope)}")
    with options.open_vault(vault) as admin:
        secret = Tokens(admin).create(name, Scope(scope), parse_lifetime(expires), rate)
    typer.echo(secret)
    say("save it now: only its hash is stored, so it cannot be shown again", err=True)


def token_list(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """List the tokens: what each allows, and until when."""
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault) as admin:
        tokens = Tokens(admin).read_all()
    if json:
        output.print_json([token.to_json() for token in tokens])
        return
    for token in tokens:
        ends = f"until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else "without end"
        say(f"{token.name:<20} {token.scope:<10} {ends}   {token.rate:g}/s")
    if not tokens:
        say("no token yet: `onlyme serve token create NAME --scope verify` makes one")


def token_revoke(name: TokenName, *, vault: options.Vault = None) -> None:
    """End a token. A running service refuses it within a second."""
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault) as admin:
        Tokens(admin).revoke(name)
    say(f"{name} is revoked")


def key(*, vault: options.Vault = None) -> None:
    """Print the public key that checks assertions, as a JSON Web Key Set."""
    require_extra("serve", "the service")
    from onlyme.serve.access.assertions import Signer

    with options.open_vault(vault) as admin:
        output.print_json(Signer.load(admin, "onlyme").jwks)


def _make_link(vault: Path | None, url: str) -> str:
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault, make=True) as admin:
        return f"{url}/open?token={Tokens(admin).create_link()}"
