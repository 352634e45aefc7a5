"""`jua anchor`: heads and roots in a topic of Hedera's consensus service."""

import asyncio
import json
from contextlib import closing
from typing import Annotated

import typer

from juapesa import config
from juapesa.assembly import assemble
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.crypto import Signer, open_keystore
from juapesa.transparency import anchor_store

app = typer.Typer(
    help="Heads and roots in a topic of Hedera's consensus service.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

MEMO = "Jua Pesa: heads and roots"


@app.command()
def key() -> None:
    """Print the address of the key that pays and may submit; send it some HBAR, and it has an account."""
    settings = config.load()
    signer = open_keystore(settings).signer(settings.anchor.key)
    typer.echo(signer.address)


@app.command()
def topic(
    memo: Annotated[str, typer.Option(help="What everybody sees beside the topic, 100 bytes.")] = MEMO,
) -> None:
    """Make a topic that only our key may submit to and nobody can change; prints its id.

    From then on it is the one that the anchoring agent uses, unless JUA_ANCHOR__TOPIC names another.
    """
    settings = config.load()
    signer = open_keystore(settings).signer(settings.anchor.key)
    made = asyncio.run(_make_topic(settings, signer, memo))
    kept = config.keep_topic(settings, made)
    typer.echo(made)
    typer.echo(f"It is remembered in {kept}. Tell auditors, and start the agent again.", err=True)


@app.command(name="list")
def list_anchors(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
) -> None:
    """What was anchored: one JSON object a line, with the message's place and its content."""
    with assemble(name="cli") as parts, parts.db.unit_of_work() as uow:
        found = anchor_store.newest(uow, limit)
    for each in found:
        at = each.anchored_at.isoformat() if each.anchored_at else None
        said = {"topic": each.topic, "sequence": each.sequence, "at": at}
        typer.echo(json.dumps(said | {"message": json.loads(each.message)}))


async def _make_topic(settings: Settings, signer: Signer, memo: str) -> str:
    """Ask once, and wait for the receipt. Raises AnchorRefused, NoAccount, NodeUnreachable."""
    from juapesa.chain.consensus_service import ConsensusService  # noqa: PLC0415 - quick help
    from juapesa.chain.mirror_node import MirrorNode  # noqa: PLC0415
    from juapesa.transparency.anchoring import make_topic, payer_of  # noqa: PLC0415

    wanted = settings.anchor
    with closing(MirrorNode(wanted.mirror_url)) as mirror:
        payer = payer_of(wanted.account, mirror, signer.address)
    network = ConsensusService(wanted.nodes, signer, wanted.fee_tinybars_max, wanted.certificates)
    try:
        return await make_topic(network, payer, memo, SystemClock())
    finally:
        await network.close()
