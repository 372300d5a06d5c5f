-- Serial numbers do not compress: trying to would cost more than all else that is done to a CRL.
alter table crl_octets alter column octets set storage external;
