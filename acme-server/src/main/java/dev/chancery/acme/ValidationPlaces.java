package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How many validations may still begin on this node. An account has a share of the places only, so
 * that none keeps all the others waiting.
 */
final class ValidationPlaces {
  private final int most;
  private final int share;
  private final Map<AccountId, Integer> taken = new HashMap<>();
  private int allTaken;

  /**
   * @param share how many of them one account may have at once
   */
  ValidationPlaces(int most, int share) {
    this.most = most;
    this.share = share;
  }

  int share() {
    return share;
  }

  /** Takes a place for a validation of an account; false when there is none for it. */
  synchronized boolean take(AccountId account) {
    int held = taken.getOrDefault(account, 0);
    if (allTaken == most || held == share) {
      return false;
    }
    taken.put(account, held + 1);
    allTaken++;
    return true;
  }

  synchronized void giveBack(AccountId account) {
    taken.computeIfPresent(account, (same, held) -> held == 1 ? null : held - 1);
    allTaken--;
  }

  synchronized int free() {
    return most - allTaken;
  }

  /** The accounts that have their whole share. */
  synchronized Set<AccountId> served() {
    return taken.entrySet().stream()
        .filter(entry -> entry.getValue() == share)
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }
}
