"""Which topic of the consensus service is ours: the one that is set, or the one that we made ourselves.

A topic that we made is remembered beside the record of the contracts, as DEPLOYMENTS/<network>.topic with its
id 0.0.N: both belong to one chain, and go with it.
"""

from pathlib import Path

from juapesa.config.settings import Settings


def topic_of(settings: Settings) -> str | None:
    """0.0.N; None while there is none."""
    if settings.anchor.topic is not None:
        return settings.anchor.topic
    file = _file(settings)
    return file.read_text().strip() if file.exists() else None


def keep_topic(settings: Settings, topic: str) -> Path:
    """Remember it from now on, in the place of any other; where."""
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(file.name + ".draft")
    draft.write_text(f"{topic}\n")
    draft.replace(file)
    return file


def _file(settings: Settings) -> Path:
    return settings.chain.deployments_dir / f"{settings.chain.network}.topic"
