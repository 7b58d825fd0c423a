DROP TRIGGER hold_of_no_debtor ON billing_hold;
DROP FUNCTION billing_hold_of_no_debtor();
