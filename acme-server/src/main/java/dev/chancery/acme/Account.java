package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.List;
import java.util.Optional;

/**
 * An account (RFC 8555 section 7.1.2) that is valid: a deactivated one is refused on the way in.
 *
 * @param binding the external account binding that it was made with (section 7.3.4)
 */
record Account(
    AccountId id,
    AccountKey key,
    List<String> contacts,
    boolean agreedToTerms,
    Optional<ExternalAccountBinding.Verified> binding) {
  Account {
    contacts = List.copyOf(contacts);
  }
}
