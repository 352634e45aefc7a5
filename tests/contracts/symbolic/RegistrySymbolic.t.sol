// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyStatement} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationRegistry} from "../../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Vm} from "../Kit.sol";

/// @dev The registry itself and a token of its own, with three attesters and a quorum of two, proven by halmos
/// (scripts/audit/halmos.py). To its solvers ecrecover, SHA-256 and Keccak are functions of which nothing is
/// known: what is proven here holds whatever they answer.
contract RegistrySymbolicTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint64 private constant START = 1_790_000_000;
    /// @dev Where the registry keeps its tokens' words; a wrong one shows at once in {_given}.
    uint256 private constant ACCOUNTS = 70;
    address private constant A = address(0xa1);
    address private constant B = address(0xb2);
    address private constant C = address(0xc3);

    AttestationRegistry private registry;
    LocalToken private token;

    function setUp() public {
        vm.warp(START);
        address[] memory three = new address[](3);
        (three[0], three[1], three[2]) = (A, B, C);
        registry = new AttestationRegistry(address(this), three, 2, 600);
        token = new LocalToken("Jua Pesa Kenyan Shilling", "cKES", address(registry));
        registry.configureToken(address(token), uint64(type(int64).max), 3600);
        registry.setIssuer(address(this), true);
    }

    /// @dev This contract is the registry's authority.
    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }

    /// @dev Whatever the statement, its one entry and two signatures of any bytes say: if it mints, two different
    /// attesters signed exactly this statement.
    function check_no_mint_without_a_quorum(
        CustodyStatement calldata statement,
        bytes32[3] calldata words,
        bytes32[4] calldata rs,
        uint8[2] calldata v
    ) external {
        bytes memory entry = abi.encodePacked(bytes16(words[0]), words[1]);
        bytes memory signatures = abi.encodePacked(rs[0], rs[1], v[0], rs[2], rs[3], v[1]);
        try registry.mint(statement, entry, uint256(words[2]), signatures) {}
        catch {
            return;
        }
        bytes32 id = registry.statementDigest(statement);
        address first = ecrecover(id, v[0], rs[0], rs[1]);
        address second = ecrecover(id, v[1], rs[2], rs[3]);
        assert(first != second);
        assert(_attests(first) && _attests(second));
        assert(keccak256(entry) == statement.entriesHash);
    }

    /// @dev One signature is never enough, nor are bytes that are no whole signatures.
    function check_no_mint_with_fewer_signatures(
        CustodyStatement calldata statement,
        bytes32[3] calldata words,
        bytes32[4] calldata rs,
        uint8 v
    ) external {
        bytes memory entry = abi.encodePacked(bytes16(words[0]), words[1]);
        bytes memory none = "";
        assert(!_mints(statement, entry, uint256(words[2]), none));
        bytes memory one = abi.encodePacked(rs[0], rs[1], v);
        assert(!_mints(statement, entry, uint256(words[2]), one));
        bytes memory ragged = abi.encodePacked(rs[0], rs[1], v, rs[2], rs[3]); // a byte short of two
        assert(!_mints(statement, entry, uint256(words[2]), ragged));
    }

    /// @dev From any supply and level: a mint raises the supply, the holder's balance and the log's leaf by one
    /// and the same amount, and the leaf names the supply after it.
    function check_a_mint_moves_supply_and_log_alike(
        uint64 supply,
        uint64 filled,
        CustodyStatement calldata statement,
        bytes32[2] calldata words,
        bytes32[4] calldata rs,
        uint8[2] calldata v
    ) external {
        _given(supply, filled);
        uint256 held = token.balanceOf(statement.to);
        bytes memory entry = abi.encodePacked(bytes16(words[0]), words[1]);
        bytes memory signatures = abi.encodePacked(rs[0], rs[1], v[0], rs[2], rs[3], v[1]);
        if (!_mints(statement, entry, 1, signatures)) return;
        uint256 raised = token.totalSupply();
        assert(raised > supply && raised <= uint64(type(int64).max));
        assert(statement.reserves >= raised);
        assert(token.balanceOf(statement.to) - held == raised - supply);
        bytes32 id = registry.statementDigest(statement);
        assert(registry.size() == 1);
        assert(registry.root() == _leaf(1, uint64(raised - supply), uint64(raised), words[1], id));
    }

    /// @dev The same of a burn, whose amount the leaf bears signed.
    function check_a_burn_moves_supply_and_log_alike(
        uint64 supply,
        uint64 held,
        uint64 amount,
        bytes32 receipt
    ) external {
        _given(supply, 0);
        vm.store(address(token), keccak256(abi.encode(address(this), 2)), bytes32(uint256(held)));
        if (token.balanceOf(address(this)) != held) revert("balances are kept elsewhere");
        try registry.burn(address(token), abi.encodePacked(amount, receipt)) {}
        catch {
            return;
        }
        uint256 left = token.totalSupply();
        assert(left < supply);
        assert(held - token.balanceOf(address(this)) == supply - left);
        assert(registry.size() == 1);
        unchecked {
            assert(registry.root() == _leaf(2, uint64(0) - uint64(supply - left), uint64(left), receipt, 0));
        }
    }

    function _mints(
        CustodyStatement calldata statement,
        bytes memory entry,
        uint256 included,
        bytes memory signatures
    ) private returns (bool) {
        try registry.mint(statement, entry, included, signatures) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev The token's word as it may stand: so much issued, so much of a bucket without a bottom filled.
    function _given(uint64 supply, uint64 filled) private {
        uint256 word = supply | uint256(filled) << 64 | uint256(uint64(type(int64).max)) << 128
            | uint256(START) << 192 | uint256(3600) << 224;
        vm.store(address(registry), keccak256(abi.encode(address(token), ACCOUNTS)), bytes32(word));
        if (registry.supplyOf(address(token)) != supply) revert("accounts are kept elsewhere");
    }

    /// @dev The first leaf of the log, written from the layout in IAttestationRegistry.
    function _leaf(uint8 kind, uint64 amount, uint64 supplyAfter, bytes32 receipt, bytes32 id)
        private
        view
        returns (bytes32)
    {
        bytes memory head = abi.encodePacked(uint8(0), uint8(2), kind, uint64(0), uint64(block.chainid));
        bytes memory body = abi.encodePacked(address(token), amount, supplyAfter, receipt, id);
        return sha256(abi.encodePacked(head, body, address(this), START));
    }

    function _attests(address signer) private pure returns (bool) {
        return signer == A || signer == B || signer == C;
    }
}
