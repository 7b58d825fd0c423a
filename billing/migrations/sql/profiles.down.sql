DROP TRIGGER invoice_keeps_its_buyer ON billing_invoice;
DROP FUNCTION billing_invoice_keeps_its_buyer();
