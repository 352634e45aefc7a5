// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Who signed a digest, several at once
/// @notice Signatures are 65 bytes each, r ‖ s ‖ v, one behind the other.
library Signers {
    uint256 private constant SIZE = 65;

    /// @notice Fewer signatures than the quorum, or not 65 bytes each.
    error WrongSignatureCount(uint256 bytesGiven, uint256 quorum);
    /// @notice Signers must be strictly ascending, which also excludes duplicates.
    error SignersNotAscending(address previous, address signer);

    /// @notice The signers of `digest`, at least `quorum` of them, strictly ascending and so distinct.
    /// @dev Reverts with the errors above, or ECDSA's: no signer, or s in the upper half (the same signature
    /// written twice).
    function ascending(bytes32 digest, bytes calldata signatures, uint256 quorum)
        internal
        pure
        returns (address[] memory found)
    {
        uint256 count = signatures.length / SIZE;
        if (count < quorum || count * SIZE != signatures.length) {
            revert WrongSignatureCount(signatures.length, quorum);
        }
        found = new address[](count);
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            address signer = _signerAt(digest, signatures, i);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            (found[i], previous) = (signer, signer);
        }
    }

    /// @notice Whether a list may be a set of signers: ascending, none zero, at most `most`, and `quorum` a majority.
    function isSet(address[] memory list, uint256 quorum, uint256 most) internal pure returns (bool) {
        uint256 count = list.length;
        if (count == 0 || count > most || quorum > count || quorum * 2 <= count) return false;
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            if (list[i] <= previous) return false;
            previous = list[i];
        }
        return true;
    }

    function _signerAt(bytes32 digest, bytes calldata signatures, uint256 i) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            let at := add(signatures.offset, mul(i, SIZE))
            r := calldataload(at)
            s := calldataload(add(at, 32))
            v := byte(0, calldataload(add(at, 64)))
        }
        return ECDSA.recover(digest, v, r, s);
    }
}
