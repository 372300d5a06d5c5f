package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.List;

/**
 * An account (RFC 8555 section 7.1.2) that is valid: a deactivated one is refused on the way in.
 */
record Account(AccountId id, AccountKey key, List<String> contacts, boolean agreedToTerms) {
  Account {
    contacts = List.copyOf(contacts);
  }
}
