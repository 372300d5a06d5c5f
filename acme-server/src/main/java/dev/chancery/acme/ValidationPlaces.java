package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;

/**
 * How many validations may still begin on this node. An account has a share of the places only, so
 * that none keeps all the others waiting; and which had one lately is remembered, so that those
 * that fill their shares again and again do not either.
 */
final class ValidationPlaces {
  /** More than that no look at what waits is to be told of. */
  private static final int MOST_REMEMBERED = 256;

  private final int most;
  private final int share;
  private final Map<AccountId, Integer> taken = new HashMap<>();
  private final LinkedHashSet<AccountId> lately = new LinkedHashSet<>();
  private int allTaken;

  /**
   * Where an account stands.
   *
   * @param held how many places it has
   * @param lately the greater, the later it took one; 0 when that is forgotten
   */
  record Standing(int held, int lately) {}

  /**
   * Where the accounts stand; those that are not named have no place, and had none lately.
   *
   * @param free how many places nobody has
   * @param share how many of them one account may have at once
   */
  record Standings(int free, int share, Map<AccountId, Standing> accounts) {
    Standings {
      accounts = Map.copyOf(accounts);
    }

    boolean oneHasItsShare() {
      return accounts.values().stream().anyMatch(standing -> standing.held() >= share);
    }
  }

  /**
   * @param share how many of them one account may have at once
   */
  ValidationPlaces(int most, int share) {
    this.most = most;
    this.share = share;
  }

  /** Takes a place for a validation of an account; false when there is none for it. */
  synchronized boolean take(AccountId account) {
    int held = taken.getOrDefault(account, 0);
    if (allTaken == most || held == share) {
      return false;
    }
    taken.put(account, held + 1);
    allTaken++;
    lately.addLast(account);
    if (lately.size() > MOST_REMEMBERED) {
      lately.removeFirst();
    }
    return true;
  }

  synchronized void giveBack(AccountId account) {
    taken.computeIfPresent(account, (same, held) -> held == 1 ? null : held - 1);
    allTaken--;
  }

  /** Whether the account took a place lately. */
  synchronized boolean hadOneLately(AccountId account) {
    return lately.contains(account);
  }

  synchronized Standings standings() {
    Map<AccountId, Standing> accounts = new HashMap<>();
    taken.forEach((account, held) -> accounts.put(account, new Standing(held, 0)));
    int place = 0;
    for (AccountId account : lately) {
      place++;
      accounts.put(account, new Standing(taken.getOrDefault(account, 0), place));
    }
    return new Standings(most - allTaken, share, accounts);
  }
}
