DROP TRIGGER publication_is_immutable ON plans_publication;
DROP TRIGGER catalogversion_is_immutable ON plans_catalogversion;
DROP FUNCTION plans_refuse_change();
