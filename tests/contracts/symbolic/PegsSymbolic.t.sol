// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Pools} from "../../../contracts/pools/Pools.sol";
import {Vm} from "../Kit.sol";

/// @dev A token that remembers the one move of each kind.
contract OneMove {
    uint256 public pulled;
    uint256 public pushed;

    function transferFrom(address, address, uint256 amount) external returns (bool) {
        pulled += amount;
        return true;
    }

    function transfer(address, uint256 amount) external returns (bool) {
        pushed += amount;
        return true;
    }
}

/// @dev Conversions one for one, proven by halmos (scripts/audit/halmos.py) on the pools' own code, from any word
/// that a peg can have.
contract PegsSymbolicTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    /// @dev Where the pools keep the pegs; were it wrong, {check_an_open_peg_converts} would not hold.
    uint256 private constant PEGS = 7;

    Pools private pools;
    OneMove private low;
    OneMove private high;

    function setUp() public {
        pools = new Pools(address(this), address(1), address(this));
        OneMove one = new OneMove();
        OneMove other = new OneMove();
        (low, high) = address(one) < address(other) ? (one, other) : (other, one);
    }

    /// @dev This contract stands in for the desk, which is asked only this.
    function usdc() external pure returns (address) {
        return address(1);
    }

    /// @dev What is paid is more than nothing and at most what is taken, and the peg's books move by both.
    function check_a_conversion_never_pays_more_than_it_takes(uint256 word, uint64 amount, bool lowIn)
        external
    {
        bytes32 slot = _slot();
        vm.store(address(pools), slot, bytes32(word));
        (OneMove from, OneMove to) = lowIn ? (low, high) : (high, low);
        try pools.convert(address(from), address(to), amount, address(7)) returns (uint64 paid) {
            assert(from.pulled() == amount && to.pushed() == paid);
            assert(from.pushed() == 0 && to.pulled() == 0);
            assert(paid > 0 && paid <= amount);
            uint256 left = uint256(vm.load(address(pools), slot));
            assert(left >> 128 == word >> 128);
            (uint64 atIn, uint64 atOut) =
                lowIn ? (uint64(word), uint64(word >> 64)) : (uint64(word >> 64), uint64(word));
            (uint64 nowIn, uint64 nowOut) =
                lowIn ? (uint64(left), uint64(left >> 64)) : (uint64(left >> 64), uint64(left));
            assert(nowIn - atIn == amount && atOut - nowOut == paid);
        } catch {}
    }

    /// @dev The peg above is the one that the pools read: an open one without a fee pays all that it has.
    function check_an_open_peg_converts(uint64 reserve) external {
        if (reserve == 0 || reserve > uint64(type(int64).max)) return;
        vm.store(
            address(pools),
            _slot(),
            bytes32(uint256(reserve) << 64 | 1 << 144 | uint256(type(uint40).max) << 152)
        );
        if (reserve > uint256(type(uint40).max) * 1e6) return;
        assert(pools.convert(address(low), address(high), reserve, address(7)) == reserve);
    }

    function _slot() private view returns (bytes32) {
        return keccak256(abi.encode(address(high), keccak256(abi.encode(address(low), PEGS))));
    }
}
