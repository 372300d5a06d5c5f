-- What a crash left between record and completion: few rows, found without reading the others.
create index certificates_recorded_ix on certificates (recorded_at) where state = 'recorded';
