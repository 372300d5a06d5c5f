package dev.chancery.core;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * What makes an RSA modulus easy to factor, as far as the modulus alone shows it. Each test takes
 * microseconds.
 */
final class RsaWeakness {
  /** Far more than a sound key ever needs: the chance that one is found so is negligible. */
  private static final int FERMAT_STEPS = 100;

  private static final int LARGEST_SMALL_FACTOR = 751;
  private static final BigInteger SMALL_FACTORS = product(oddPrimes(LARGEST_SMALL_FACTOR));

  /**
   * The library behind CVE-2017-15361 makes primes k * M + (65537^a mod M), where M is a product of
   * the first primes; the shortest such product goes up to this one, and all the others hold it.
   */
  private static final int LARGEST_ROCA_PRIME = 167;

  private static final List<PowersOf65537> ROCA =
      oddPrimes(LARGEST_ROCA_PRIME).stream().map(PowersOf65537::modulo).toList();

  private RsaWeakness() {}

  /** What is wrong with an odd modulus, in words for the requester. */
  static Optional<String> of(BigInteger modulus) {
    if (!modulus.gcd(SMALL_FACTORS).equals(BigInteger.ONE)) {
      return Optional.of("the RSA modulus has a small prime factor");
    }
    if (ROCA.stream().allMatch(powers -> powers.hold(modulus))) {
      return Optional.of("the RSA key was made by a library with the ROCA flaw (CVE-2017-15361)");
    }
    if (hasCloseFactors(modulus)) {
      return Optional.of("the prime factors of the RSA modulus are too close to each other");
    }
    return Optional.empty();
  }

  /** Fermat's method: looks for a in n = a^2 - b^2, from the square root of n upwards. */
  private static boolean hasCloseFactors(BigInteger modulus) {
    BigInteger[] root = modulus.sqrtAndRemainder();
    if (root[1].signum() == 0) {
      return true;
    }
    BigInteger a = root[0].add(BigInteger.ONE);
    BigInteger square = a.multiply(a).subtract(modulus);
    for (int step = 0; step < FERMAT_STEPS; step++) {
      if (isSquare(square)) {
        return true;
      }
      // (a + 1)^2 - n
      square = square.add(a.shiftLeft(1)).add(BigInteger.ONE);
      a = a.add(BigInteger.ONE);
    }
    return false;
  }

  private static boolean isSquare(BigInteger number) {
    // Every square is 0, 1 or 4 modulo 8, which saves most of the roots.
    return switch (number.intValue() & 7) {
      case 0, 1, 4 -> number.sqrtAndRemainder()[1].signum() == 0;
      default -> false;
    };
  }

  /** The remainders that the powers of 65537 have modulo a prime; a product of two is one too. */
  private record PowersOf65537(BigInteger prime, BitSet remainders) {
    static PowersOf65537 modulo(int prime) {
      BitSet remainders = new BitSet(prime);
      int power = 1;
      while (!remainders.get(power)) {
        remainders.set(power);
        power = power * (65537 % prime) % prime;
      }
      return new PowersOf65537(BigInteger.valueOf(prime), remainders);
    }

    boolean hold(BigInteger modulus) {
      return remainders.get(modulus.mod(prime).intValue());
    }
  }

  private static List<Integer> oddPrimes(int largest) {
    List<Integer> primes = new ArrayList<>();
    for (int candidate = 3; candidate <= largest; candidate += 2) {
      int odd = candidate;
      if (primes.stream().noneMatch(prime -> odd % prime == 0)) {
        primes.add(odd);
      }
    }
    return primes;
  }

  private static BigInteger product(List<Integer> factors) {
    return factors.stream().map(BigInteger::valueOf).reduce(BigInteger.ONE, BigInteger::multiply);
  }
}
