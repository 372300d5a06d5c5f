package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The accounts that were read last, with their keys decoded, which takes longer than to check a
 * signature with them. Any node may have changed an account since: one from here is good only for a
 * request whose nonce {@link Nonces.Genuine#spendBy} spends.
 */
final class KnownAccounts {
  // Some kilobytes each, most of it what Bouncy Castle keeps with a key that it has verified with.
  private static final int MOST = 1000;

  private final Map<AccountId, Account> accounts =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<AccountId, Account> eldest) {
          return size() > MOST;
        }
      };

  synchronized Optional<Account> find(AccountId id) {
    return Optional.ofNullable(accounts.get(id));
  }

  synchronized void keep(Account account) {
    accounts.put(account.id(), account);
  }
}
