-- Every date anything counts on, and those that were published before and may have become empty.
INSERT INTO touched_date (business_date)
SELECT due_on FROM core_cohort_member
UNION
SELECT business_date FROM ops_business_date
