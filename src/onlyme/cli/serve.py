"""`serve`: the page and the REST service, and who may ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli import options, output

__all__ = ["register"]

Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]
Host = Annotated[
    str,
    typer.Option(help="The address to listen on. Any but 127.0.0.1 lets other machines ask."),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="HOST",
        help="A further name of this service, such as a reverse proxy's. May be repeated.",
        show_default=False,
    ),
]
TokenName = Annotated[
    str, typer.Argument(metavar="NAME", help="What to call the token.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    family = typer.Typer(
        invoke_without_command=True, help="Serve the page and the REST service, or manage tokens."
    )
    family.callback()(serve)
    family.command()(link)
    family.command()(key)
    tokens = typer.Typer(no_args_is_help=True, help="Who may ask the service for what.")
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
    issuer: Annotated[str, typer.Option(help="Who assertions say that they are from.")] = "onlyme",
    vault: options.Vault = None,
) -> None:
    """Serve the page and the REST service until Ctrl-C.

    onlyme serve

    onlyme serve token create door --scope verify --expires 30d
    """
    if context.invoked_subcommand:
        return
    _require_extra()
    from onlyme.serve.options import LOOPBACK, Options
    from onlyme.serve.server import run
    from onlyme.settings import Settings

    chosen = Options(host=host, port=port, names=tuple(name or ()), issuer=issuer)
    if host not in {*LOOPBACK, "::1"}:
        typer.echo(
            f"listening on {host}: whoever reaches this machine can ask. Faces and tokens travel "
            "in the clear: put a reverse proxy with TLS in front, and name it with --name.",
            err=True,
        )

    def print_link(port: int) -> None:
        typer.echo(f"open {_make_link(vault, port)}", err=True)
        typer.echo("(works once, for five minutes; Ctrl-C ends the service)", err=True)

    run(Settings.load(vault=vault), chosen, print_link)


def link(*, port: Port = 8000, vault: options.Vault = None) -> None:
    """Print a link that opens the page once, within five minutes."""
    typer.echo(_make_link(vault, port))


def token_create(
    name: TokenName,
    *,
    scope: Annotated[str, typer.Option(help="verify, enroll, admin or metrics.")],
    expires: Annotated[
        str, typer.Option(help="After so many minutes, hours or days, or never.")
    ] = "90d",
    rate: Annotated[float, typer.Option(help="Requests a second that it may make.")] = 20.0,
    vault: options.Vault = None,
) -> None:
    """Make a token for an app, and print it this one time.

    onlyme serve token create door --scope verify --expires 30d
    """
    from onlyme.errors import UsageError
    from onlyme.serve.access.tokens import Scope, Tokens, parse_lifetime

    if scope not in set(Scope):
        raise UsageError(f"{scope!r} is no scope; scopes: {', '.join(Scope)}")
    with options.open_vault(vault, make=True) as keeping:
        secret = Tokens(keeping).create(name, Scope(scope), parse_lifetime(expires), rate)
    typer.echo(secret)
    typer.echo("keep it: it is stored as a hash only, and cannot be shown again", err=True)


def token_list(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """List the tokens: what each is for, and until when."""
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault) as keeping:
        tokens = Tokens(keeping).read_all()
    if json:
        output.print_json([token.to_json() for token in tokens])
        return
    for token in tokens:
        ends = f"until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else "for ever"
        typer.echo(f"{token.name:<20} {token.scope:<8} {ends}   {token.rate:g}/s")
    if not tokens:
        typer.echo("no token yet; `onlyme serve token create NAME --scope verify` makes one")


def token_revoke(name: TokenName, *, vault: options.Vault = None) -> None:
    """End a token. A running service refuses it within a second."""
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault) as keeping:
        Tokens(keeping).revoke(name)
    typer.echo(f"{name} opens nothing any more")


def key(*, vault: options.Vault = None) -> None:
    """Print the public key that checks assertions, as a JSON Web Key Set."""
    _require_extra()
    from onlyme.serve.access.assertions import Signer

    with options.open_vault(vault, make=True) as keeping:
        output.print_json(Signer.load(keeping, "onlyme").jwks)


def _require_extra() -> None:
    from importlib.util import find_spec

    from onlyme.errors import UsageError

    needed = {
        "fastapi": "fastapi",
        "jwt": "pyjwt",
        "uvicorn": "uvicorn",
        "websockets": "websockets",
    }
    needed |= {"prometheus_client": "prometheus-client", "python_multipart": "python-multipart"}
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"the service needs {', '.join(missing)}; install it with: pip install 'onlyme[serve]'"
        )


def _make_link(vault: Path | None, port: int) -> str:
    from onlyme.serve.access.tokens import Tokens

    with options.open_vault(vault, make=True) as keeping:
        return f"http://127.0.0.1:{port}/open?token={Tokens(keeping).create_link()}"
