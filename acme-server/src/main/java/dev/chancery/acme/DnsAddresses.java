package dev.chancery.acme;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.ExtendedResolver;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;
import org.xbill.DNS.lookup.LookupSession;
import org.xbill.DNS.lookup.NoSuchDomainException;
import org.xbill.DNS.lookup.NoSuchRRSetException;

/**
 * Asks given resolvers, over UDP and, when an answer is cut off, over TCP. CNAMEs are followed;
 * there are no search domains, no hosts file and no cache, so that each attempt at a validation
 * sees what the resolvers know at that moment.
 */
final class DnsAddresses implements HostAddresses {
  private static final Duration ONE_TRY = Duration.ofSeconds(2);
  private static final Duration ALL_TRIES = Duration.ofSeconds(5);
  private static final int MOST_ALIASES = 8;

  private final LookupSession session;

  /**
   * @param resolvers in the order in which they are asked
   */
  DnsAddresses(List<InetSocketAddress> resolvers) {
    List<Resolver> each = new ArrayList<>();
    for (InetSocketAddress address : resolvers) {
      SimpleResolver resolver = new SimpleResolver(address);
      resolver.setTimeout(ONE_TRY);
      each.add(resolver);
    }
    ExtendedResolver all = new ExtendedResolver(each);
    all.setRetries(2);
    all.setTimeout(ALL_TRIES);
    this.session = LookupSession.builder().resolver(all).maxRedirects(MOST_ALIASES).build();
  }

  /** What came of the question for one type of record. */
  private sealed interface Answer {
    record Found(List<InetAddress> addresses) implements Answer {}

    record NoSuchName() implements Answer {}

    record NoSuchRecord() implements Answer {}

    record Outage() implements Answer {}
  }

  @Override
  public List<InetAddress> find(String host, Duration longest) throws NotFound {
    long end = System.nanoTime() + min(longest, ALL_TRIES).toNanos();
    Name name;
    try {
      name = Name.fromString(host + ".");
    } catch (TextParseException e) {
      throw new NotFound(host + " is no name that DNS can hold");
    }
    CompletableFuture<List<Record>> four = ask(name, Type.A);
    CompletableFuture<List<Record>> six = ask(name, Type.AAAA);
    List<Answer> answers = List.of(await(four, end), await(six, end));
    List<InetAddress> addresses = new ArrayList<>();
    for (Answer answer : answers) {
      if (answer instanceof Answer.Found(List<InetAddress> found)) {
        addresses.addAll(found);
      }
    }
    if (!addresses.isEmpty()) {
      return addresses;
    }
    // RFC 8020: a name that does not exist has no records of any type.
    if (answers.contains(new Answer.NoSuchName())) {
      throw new NotFound("NXDOMAIN: DNS knows no name " + host);
    }
    if (answers.contains(new Answer.Outage())) {
      throw new NotFound("no resolver gave an answer for " + host);
    }
    throw new NotFound(host + " has neither A nor AAAA records");
  }

  private CompletableFuture<List<Record>> ask(Name name, int type) {
    return session
        .lookupAsync(name, type)
        .thenApply(result -> result.getRecords())
        .toCompletableFuture();
  }

  private static Answer await(CompletableFuture<List<Record>> question, long end) {
    try {
      List<InetAddress> found = new ArrayList<>();
      for (Record record :
          question.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)) {
        switch (record) {
          case ARecord four -> found.add(four.getAddress());
          // Without the class of an IPv4-mapped address: it would not be held against the
          // networks of IPv4, but connected to as one of them.
          case AAAARecord six -> found.add(InetAddress.getByAddress(six.getAddress().getAddress()));
          default -> {}
        }
      }
      return found.isEmpty() ? new Answer.NoSuchRecord() : new Answer.Found(found);
    } catch (ExecutionException e) {
      return switch (e.getCause()) {
        case NoSuchDomainException none -> new Answer.NoSuchName();
        case NoSuchRRSetException none -> new Answer.NoSuchRecord();
        case null, default -> new Answer.Outage();
      };
    } catch (TimeoutException e) {
      question.cancel(true);
      return new Answer.Outage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Answer.Outage();
    } catch (UnknownHostException e) {
      throw new IllegalStateException("the octets of an address are an address", e);
    }
  }

  private static Duration min(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }
}
