-- Which CRLs know of a URL: those with a higher number than this. It is one of the issuer's CRL
-- numbers, taken when certificates began to name the URL; the one with the highest is named now.
alter table crl_locations add column number numeric(40);
-- Nobody knows which CRLs name those that are there, so each CRL is made anew once.
update crl_locations set number =
  (select last_crl_number from issuers where issuers.name = crl_locations.issuer);
alter table crl_locations alter column number set not null;
