// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HederaTokens} from "../../../contracts/libraries/HederaTokens.sol";

/// @dev A contract that uses the library as ours do: treasury and key of its own token, holder of others.
contract TokenKeeper {
    address public token;

    function create(HederaTokens.Plan calldata plan) external payable {
        token = HederaTokens.create(plan, msg.value, payable(msg.sender));
    }

    function creationFee() external returns (uint256) {
        return HederaTokens.creationFee();
    }

    function mint(address token_, uint256 amount) external {
        HederaTokens.mint(token_, amount);
    }

    function burn(address token_, uint256 amount) external {
        HederaTokens.burn(token_, amount);
    }

    function associate(address token_) external {
        HederaTokens.associate(token_);
    }

    function transfer(address token_, address to, uint256 amount) external {
        HederaTokens.transfer(token_, to, amount);
    }

    function tryTransfer(address token_, address to, uint256 amount) external returns (int64) {
        return HederaTokens.tryTransfer(token_, to, amount);
    }

    function pull(address token_, address from, uint256 amount) external {
        HederaTokens.pull(token_, from, amount);
    }

    function approve(address token_, address spender, uint256 amount) external {
        HederaTokens.approve(token_, spender, amount);
    }
}
