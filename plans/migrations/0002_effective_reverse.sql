DROP TRIGGER withdrawal_is_immutable ON plans_withdrawal;
DROP TRIGGER withdrawal_comes_in_time ON plans_withdrawal;
DROP FUNCTION plans_withdraw_in_time();
