// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IPools, IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {IPriceGovernance, SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Kit} from "../Kit.sol";

/// @dev A plain token that anyone can make.
contract PlainToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(string memory symbol, uint8 decimals_) ERC20(symbol, symbol) {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev Assertions, and pools deployed as a network has them. This test contract governs and guards.
abstract contract PoolsBase is Kit {
    uint64 internal constant START = 1_790_000_000;
    uint128 internal constant KES_MID = 0.00772e18;
    uint128 internal constant NGN_MID = 0.00065e18;
    uint128 internal constant XAU_MID = 4000e18;
    uint64 internal constant LATE = type(uint64).max;

    AccessManager internal manager;
    IPools internal pools;
    IPoolsGovernance internal governance;
    PlainToken internal usdc;
    PlainToken internal kes;
    PlainToken internal ngn;
    PlainToken internal xau;
    uint256[] internal publisherKeys; // ascending by address
    address internal user = address(0x05e4);

    function setUp() public virtual {
        vm.warp(START);
        manager = new AccessManager(address(this));
        usdc = new PlainToken("USDC", 6);
        kes = new PlainToken("cKES", 6);
        ngn = new PlainToken("cNGN", 6);
        xau = new PlainToken("XAUt", 6);
        address desk = vm.deployCode("PoolsDesk.sol:PoolsDesk", abi.encode(address(manager), address(usdc)));
        pools = IPools(vm.deployCode("Pools.sol:Pools", abi.encode(address(manager), address(usdc), desk)));
        governance = IPoolsGovernance(address(pools));
        _letPublishersIn();
        open(kes, usual(), KES_MID);
        open(ngn, usual(), NGN_MID);
        open(xau, usual(), XAU_MID);
        usdc.approve(address(pools), type(uint256).max);
    }

    // --- building blocks ---------------------------------------------------------------------------

    function usual() internal pure returns (Settings memory) {
        return Settings({
            flags: 0,
            spreadPpm: 800,
            agePpmPerMinute: 100,
            freshSeconds: 60,
            maxAgeSeconds: 900,
            maxDoubtPpm: 20_000,
            skewPpm: 20_000,
            healPpm: 900_000,
            targetPpm: 500_000,
            hourPpm: 1e6,
            dayPpm: 1e6,
            bufferPpm: 100_000
        });
    }

    function open(PlainToken token, Settings memory settings, uint128 mid) internal {
        governance.configure(address(token), settings);
        IPriceGovernance(address(pools)).configurePrice(address(token), 20_000, 3);
        price(token, mid);
        token.approve(address(pools), type(uint256).max);
    }

    function _letPublishersIn() private {
        publisherKeys = sortedKeys(3);
        for (uint256 i = 0; i < 3; i++) {
            IPriceGovernance(address(pools)).setPublisher(vm.addr(publisherKeys[i]), true);
        }
    }

    function price(PlainToken token, uint128 mid) internal {
        pools.updatePrices(signed(token, [mid, mid, mid], uint64(block.timestamp)));
    }

    function signed(PlainToken token, uint128[3] memory mids, uint64 at)
        internal
        view
        returns (SignedPrice[] memory list)
    {
        list = new SignedPrice[](3);
        for (uint256 i = 0; i < 3; i++) {
            bytes32 digest = IPriceGovernance(address(pools)).priceDigest(address(token), mids[i], at);
            list[i] = SignedPrice(address(token), mids[i], at, signature(publisherKeys[i], digest));
        }
    }

    function reservesOf(PlainToken token) internal view returns (Reserves memory reserves) {
        (reserves,,) = governance.state(address(token));
    }
}
