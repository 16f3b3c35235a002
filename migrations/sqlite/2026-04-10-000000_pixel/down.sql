DROP TABLE pixel_name_counts;
DROP TABLE pixel_names;
DROP TABLE pixel_hours;
DROP TABLE pixel_visitors;
DROP TABLE pixel_events;
DROP TABLE pixel_salts;
DROP TABLE pixel_sites;
DELETE FROM id_sequences WHERE name = 'pixel_sites';
