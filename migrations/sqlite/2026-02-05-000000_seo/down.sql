DROP TABLE seo_issues;
DROP TABLE seo_reports;
DROP TABLE seo_totals;
DELETE FROM id_sequences WHERE name IN ('seo_reports', 'seo_issues');
