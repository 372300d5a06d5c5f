package dev.chancery.hsm;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import javax.security.auth.login.LoginException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The module's side of a generation: the login, and what SunPKCS11 has opened. In this process all
 * threads share that; behind a server each has a connection of its own as soon as it is there.
 */
final class OpenToken {
  private static final Logger LOG = LoggerFactory.getLogger(OpenToken.class);
  // What is open besides one session for each thread: the login's, SunPKCS11's own two.
  private static final int OTHER_SESSIONS = 3;

  private final Pkcs11Settings settings;
  private final Cryptoki module;
  private final CryptokiToken token;
  private final Pkcs11Login login;
  private final Semaphore directTurns;
  private final Connection first;
  private final Map<Integer, Connection> others = new ConcurrentHashMap<>();
  private final AtomicInteger threadsLeft = new AtomicInteger();
  private final AtomicInteger connectionsLeftOpen = new AtomicInteger();

  /** Work in a session of its own, by calling the module directly. */
  interface InSession<T> {
    T run(CryptokiSession session) throws TokenUnusable, CryptokiError;
  }

  private OpenToken(
      Pkcs11Settings settings,
      Cryptoki module,
      CryptokiToken token,
      Pkcs11Login login,
      Connection first) {
    this.settings = settings;
    this.module = module;
    this.token = token;
    this.login = login;
    this.directTurns = Connection.turns(settings);
    this.first = first;
  }

  /** Opens the first connection; the login is ended when that fails. */
  static OpenToken open(
      Pkcs11Settings settings,
      ModuleInstance instance,
      CryptokiToken token,
      Pkcs11Login login,
      char[] pin)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException {
    try {
      return new OpenToken(
          settings,
          instance.module(),
          token,
          login,
          Connection.open(settings, instance.pathForProvider(), token, pin));
    } catch (TokenUnusable
        | CryptokiError
        | GeneralSecurityException
        | IOException
        | RuntimeException e) {
      isOpenAfter(settings, login);
      throw e;
    }
  }

  /** How many threads can call the token at once. */
  int threads() {
    int threads = settings.signingThreads();
    while (threads > 1 && !token.admits(threads + OTHER_SESSIONS)) {
      threads--;
    }
    return threads;
  }

  /** How many connections there are to be. */
  int connections() {
    return switch (settings.place()) {
      case PROCESS -> 1;
      case P11_KIT_SERVER -> threads();
    };
  }

  /** The one that is there from the beginning. */
  Connection first() {
    return first;
  }

  /** Those that are there besides by now. */
  Collection<Connection> others() {
    return List.copyOf(others.values());
  }

  /**
   * Opens the connection of one thread, on whichever other.
   *
   * @param library a path that SunPKCS11 was never given before
   * @param isOver whether the generation has ended, and its threads perhaps left
   */
  Connection connect(int thread, Path library, char[] pin, BooleanSupplier isOver)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException {
    Connection connection = Connection.open(settings, library, token, pin);
    others.put(thread, connection);
    // The thread that would let go of it may have left before it was there.
    if (isOver.getAsBoolean() && others.remove(thread, connection)) {
      count(connection.letGo());
    }
    return connection;
  }

  /** The one on which a thread signs with a key. */
  Connection connection(int thread, KeyId id) {
    Connection own = others.get(thread);
    return own != null && own.has(id) ? own : first;
  }

  <T> T inSession(boolean writing, InSession<T> work) throws TokenUnusable, CryptokiError {
    directTurns.acquireUninterruptibly();
    try (CryptokiSession session = module.open(token, writing)) {
      return work.run(session);
    } finally {
      directTurns.release();
    }
  }

  /** How many sessions this process has with the token, if the token tells. */
  Optional<Long> sessions() throws CryptokiError {
    directTurns.acquireUninterruptibly();
    try {
      return module.sessions(token);
    } finally {
      directTurns.release();
    }
  }

  /** Logs out everywhere, while the token answers. */
  void logout() throws LoginException, CryptokiError {
    for (Connection other : others.values()) {
      other.logout();
    }
    first.logout();
    directTurns.acquireUninterruptibly();
    try {
      login.end();
    } finally {
      directTurns.release();
    }
  }

  /**
   * For each thread, when it leaves a generation that has ended: lets go of its connection. In this
   * process there is none that could be closed, and an instance that is dead is left alone.
   */
  void letGo(int thread) {
    try {
      if (settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER) {
        Connection own = thread == 0 ? first : others.remove(thread);
        if (own != null) {
          count(own.letGo());
        }
        if (thread == 0) {
          directTurns.acquireUninterruptibly();
          try {
            count(isOpenAfter(settings, login));
          } finally {
            directTurns.release();
          }
        }
      }
    } finally {
      threadsLeft.incrementAndGet();
    }
  }

  private void count(boolean leftOpen) {
    if (leftOpen) {
      connectionsLeftOpen.incrementAndGet();
    }
  }

  /** Ends a login; whether somebody still answers. */
  private static boolean isOpenAfter(Pkcs11Settings settings, Pkcs11Login login) {
    try {
      login.end();
      return true;
    } catch (CryptokiError e) {
      LOG.debug("the login of {} is gone already", settings.description(), e);
      return false;
    }
  }

  /** Whether every thread has left. */
  boolean isLeft() {
    return threadsLeft.get() == threads();
  }

  /** The module in this process, or the connections to a server that answered to the last. */
  int leftBehind() {
    return switch (settings.place()) {
      case PROCESS -> 1;
      case P11_KIT_SERVER -> connectionsLeftOpen.get();
    };
  }
}
