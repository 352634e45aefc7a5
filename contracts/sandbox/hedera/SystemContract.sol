// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What all system contracts have in common, played on an ordinary EVM
/// @notice Local emulation only: this code is written into a development chain at the network's addresses
/// and is never deployed anywhere else.
/// @dev Sources, all in the consensus node: AbstractNativeSystemContract.computeFully (an unknown selector
/// succeeds with no data and takes all gas; input that cannot be decoded halts), the delegate call rule of
/// HtsSystemContract, and CustomMessageCallProcessor (value is refused).
abstract contract SystemContract {
    /// @dev The network itself, 0.0.50: native transactions whose signatures it has checked come from here.
    address internal constant NETWORK = address(50);

    /// @dev Enough to leave the frame with up to a few words of data after the gas is spent.
    uint256 private constant LEAVING = 400;

    /// @dev A business failure inside; the outermost frame turns it into the network's own form.
    error Refused(int64 code);

    /// @notice The address that this code was written for.
    function _home() internal pure virtual returns (address);

    /// @dev A delegate call and any value but a creation's fee stop the frame and take its gas.
    modifier asItself() {
        if (address(this) != _home()) _halt();
        _;
    }

    /// @dev An exceptional halt: the whole gas of the frame is gone and there is no data.
    function _halt() internal pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    /// @dev Halts in a static frame, as the network does for every function that may change something.
    function _mayChange() internal {
        assembly ("memory-safe") {
            tstore(0, 1)
        }
    }

    /// @dev Spends gas until `price` has gone since `began`; out of gas when there is not so much.
    function _charge(uint256 began, uint256 price) internal view {
        unchecked {
            while (began - gasleft() < price) {}
        }
    }

    /// @dev What an unknown selector does: success, no data, no gas left.
    function _answerNothing() internal view {
        _exhaust();
        assembly ("memory-safe") {
            return(0, 0)
        }
    }

    function _exhaust() internal view {
        while (gasleft() > LEAVING) {}
    }

    function _answer(bytes memory data) internal pure {
        assembly ("memory-safe") {
            return(add(data, 32), mload(data))
        }
    }

    /// @dev A revert whose data is one word, the code.
    function _revertWith(int64 code) internal pure {
        assembly ("memory-safe") {
            mstore(0, code)
            revert(0, 32)
        }
    }

    /// @dev Whether the data of a failed inner frame is {Refused}, and its code.
    function _refusal(bytes memory data) internal pure returns (bool refused, int64 code) {
        if (data.length != 36 || bytes4(data) != Refused.selector) return (false, 0);
        assembly ("memory-safe") {
            code := mload(add(data, 36))
        }
        refused = true;
    }
}
