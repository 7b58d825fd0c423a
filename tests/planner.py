"""What PostgreSQL expects of tables, the same in each test, whatever ran before it."""

from django.db import connection


def expect_long_tables() -> None:
    """Let the planner think of our tables as of ones that it has never read.

    Of those it expects ten pages at least; of one that was analyzed while it was empty it expects
    nothing, and then any way of reading is as good. It lasts as long as the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET reltuples = -1, relpages = 0 "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        cursor.execute(
            "DELETE FROM pg_statistic USING pg_class WHERE starelid = pg_class.oid "
            "AND relnamespace = 'public'::regnamespace"
        )
