package dev.chancery.kubernetes;

import java.util.Optional;

/**
 * Who may log in under a role, besides those with a secret id or a static token of it.
 *
 * @param certificates whoever holds a certificate of this CA for TLS clients whose names are all
 *     among these; empty: nobody
 */
public record RoleLogins(
    Optional<ServiceAccounts> serviceAccounts, Optional<NameRules> certificates) {
  /** Only those with a secret id or a static token. */
  public static final RoleLogins NONE = new RoleLogins(Optional.empty(), Optional.empty());
}
