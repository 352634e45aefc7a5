"""The EVM chain: bindings, sender, frozen reads, events."""

from juapesa.chain.deployments import Deployment, NotDeployed, load_deployment, played
from juapesa.chain.rpc import ChainUnreachable, Rpc, RpcRefused

__all__ = ["ChainUnreachable", "Deployment", "NotDeployed", "Rpc", "RpcRefused", "load_deployment", "played"]
