// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaScheduleService as IHSS} from "../../interfaces/hedera/IHederaScheduleService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {SystemContract} from "./SystemContract.sol";

/// @title Calls at a later second, at 0x16b (HIP-1215)
/// @notice Local emulation only: scheduleCall, deleteSchedule and hasScheduleCapacity; signSchedule is off
/// for contracts since 0.74 and unknown here. The network's account runs what is due.
/// @dev No call of this service reverts. One second takes so much gas as a transaction may use.
contract ScheduleService is SystemContract {
    struct Schedule {
        address owner;
        address to;
        uint64 gasLimit;
        uint64 expirySecond;
        bool open;
        bytes callData;
    }

    bytes4 private constant NEXT_DUE = bytes4(keccak256("due(uint256)"));
    bytes4 private constant RUN = bytes4(keccak256("take(address)"));
    uint160 private constant FIRST = 900_001;
    uint256 private constant GAS_PER_SECOND = 15_000_000;
    uint256 private constant SECONDS_AHEAD_MAX = 5_356_800;
    uint256 private constant CALL_GAS = 14_085;

    Schedule[] private schedules;
    mapping(uint256 second => uint256 gas) private taken;

    function _home() internal pure override returns (address) {
        return address(0x16b);
    }

    fallback() external payable asItself {
        uint256 began = gasleft();
        if (msg.value != 0) _halt();
        if (msg.data.length < 4) _answerNothing();
        bytes4 sel = bytes4(msg.data);
        if (msg.sender == NETWORK) return _fromNetwork(sel, msg.data[4:]);
        if (msg.sender == address(this)) _answer(_perform(sel, msg.data[4:24], msg.data[24:]));
        bool known = sel == IHSS.scheduleCall.selector || sel == IHSS.deleteSchedule.selector
            || sel == IHSS.hasScheduleCapacity.selector;
        if (!known) _answerNothing();
        (bool done, bytes memory given) = address(this).call(abi.encodePacked(sel, msg.sender, msg.data[4:]));
        if (!done) _halt();
        _charge(began, CALL_GAS);
        _answer(given);
    }

    function _perform(bytes4 sel, bytes calldata caller, bytes calldata args) private returns (bytes memory) {
        if (sel == IHSS.hasScheduleCapacity.selector) {
            (uint256 second, uint256 gas) = abi.decode(args, (uint256, uint256));
            return abi.encode(_free(second, gas));
        }
        _mayChange();
        if (sel == IHSS.deleteSchedule.selector) {
            return abi.encode(_delete(abi.decode(args, (address)), address(bytes20(caller))));
        }
        return _schedule(args, address(bytes20(caller)));
    }

    function _schedule(bytes calldata args, address caller) private returns (bytes memory) {
        (address to, uint256 second, uint256 gas, uint64 value, bytes memory callData) =
            abi.decode(args, (address, uint256, uint256, uint64, bytes));
        if (value != 0) return abi.encode(C.NOT_SUPPORTED, address(0));
        if (!_free(second, gas)) return abi.encode(C.SCHEDULE_EXPIRY_IS_BUSY, address(0));
        taken[second] += gas;
        schedules.push(Schedule(caller, to, uint64(gas), uint64(second), true, callData));
        return abi.encode(C.SUCCESS, address(FIRST + uint160(schedules.length) - 1));
    }

    function _delete(address at, address caller) private returns (int64) {
        if (uint160(at) < FIRST || uint160(at) - FIRST >= schedules.length) return C.INVALID_SCHEDULE_ID;
        Schedule storage found = schedules[uint160(at) - FIRST];
        if (!found.open) return C.INVALID_SCHEDULE_ID;
        if (found.owner != caller) return C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE;
        found.open = false;
        taken[found.expirySecond] -= found.gasLimit;
        return C.SUCCESS;
    }

    function _free(uint256 second, uint256 gas) private view returns (bool) {
        bool inTime = second > block.timestamp && second <= block.timestamp + SECONDS_AHEAD_MAX;
        return inTime && gas <= GAS_PER_SECOND - taken[second];
    }

    /// @dev due(start): the first schedule from that index that is open and due, with its owner, who makes
    /// the call, and all else it needs; address 0 when there is none. take(address): the network runs it now.
    function _fromNetwork(bytes4 sel, bytes calldata args) private {
        if (sel == NEXT_DUE) {
            for (uint256 i = abi.decode(args, (uint256)); i < schedules.length; i++) {
                Schedule storage found = schedules[i];
                if (!found.open || found.expirySecond > block.timestamp) continue;
                address at = address(FIRST + uint160(i));
                _answer(abi.encode(at, found.owner, found.to, found.gasLimit, found.callData));
            }
            _answer(abi.encode(address(0), address(0), address(0), uint64(0), bytes("")));
        }
        if (sel != RUN) _halt();
        address taking = abi.decode(args, (address));
        schedules[uint160(taking) - FIRST].open = false;
    }
}
