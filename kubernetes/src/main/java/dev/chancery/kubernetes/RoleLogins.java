package dev.chancery.kubernetes;

import java.util.Optional;

/** Who may log in under a role, besides those with a secret id or a static token of it. */
public record RoleLogins(
    Optional<ServiceAccounts> serviceAccounts, Optional<CertificateHolders> certificates) {
  /** Only those with a secret id or a static token. */
  public static final RoleLogins NONE = new RoleLogins(Optional.empty(), Optional.empty());
}
