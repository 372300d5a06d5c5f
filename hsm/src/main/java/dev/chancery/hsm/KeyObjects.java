package dev.chancery.hsm;

import java.util.ArrayList;
import java.util.List;

/** How many objects of a token have a CKA_ID; a whole key is one of each. */
public record KeyObjects(int privateKeys, int publicKeys, int certificates) {
  /** Whether the id is free. */
  public boolean isEmpty() {
    return privateKeys + publicKeys + certificates == 0;
  }

  KeyObjects without(KeyObjects others) {
    return new KeyObjects(
        privateKeys - others.privateKeys,
        publicKeys - others.publicKeys,
        certificates - others.certificates);
  }

  /** In words, such as 1 private key, 1 public key, 2 certificates. */
  @Override
  public String toString() {
    List<String> words = new ArrayList<>();
    count(privateKeys, "private key", words);
    count(publicKeys, "public key", words);
    count(certificates, "certificate", words);
    return words.isEmpty() ? "nothing" : String.join(", ", words);
  }

  private static void count(int number, String what, List<String> words) {
    if (number > 0) {
      words.add(number + " " + what + (number == 1 ? "" : "s"));
    }
  }
}
