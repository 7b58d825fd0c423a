DROP TRIGGER allowance_keeps_its_beginning ON billing_allowance;
DROP TRIGGER grant_keeps_its_day ON billing_grant;
DROP TRIGGER zone_change_is_never_emptied ON billing_zonechange;
DROP TRIGGER zone_change_is_append_only ON billing_zonechange;
DROP TRIGGER zone_change_continues_the_last ON billing_zonechange;
DROP FUNCTION billing_zone_change_continues();
DROP TRIGGER grant_days_are_20_hours_apart ON billing_grant;
DROP FUNCTION billing_day_is_given_once();
