"""Opens a page in the Chromium of Qt, without a screen; runs a script; prints its value, draws the page.

python qt_browser.py PAGE SCRIPT PNG
"""

import os
import sys

os.environ |= {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--no-sandbox --disable-gpu"

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication

page, script, picture = sys.argv[1:]
app = QApplication(sys.argv)
view = QWebEngineView()
view.resize(1300, 1200)


def look() -> None:
    view.page().runJavaScript("document.body.dataset.ready", 0, lambda ready: go_on() if ready else wait())


def wait() -> None:
    QTimer.singleShot(200, look)


def go_on() -> None:
    view.page().runJavaScript(script, 0, finish)


def finish(value: object) -> None:
    print(value, flush=True)
    QTimer.singleShot(2000, lambda: (view.grab().save(picture), app.quit()))


view.loadFinished.connect(lambda _: (view.show(), wait()))
view.load(QUrl.fromLocalFile(page))
app.exec()
