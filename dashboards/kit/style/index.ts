/** The styles of every page. A topic's own come with its pages. */
import './base.css';
import './page.css';
import './panels.css';
import './lists.css';
import './forms.css';
import './dialog.css';
import './notices.css';
import './print.css';
