DROP TABLE seo_issues, seo_reports, seo_totals;
DROP SEQUENCE seo_report_ids, seo_issue_ids;
